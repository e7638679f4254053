//! Files and folders of the other machine: made, written so that they last, listed, read.

use bytes::Bytes;

use super::super::OBJECT_BYTES_MAX;
use super::super::Pace;
use super::super::TargetError;
use super::super::Trouble;
use super::session::EOF;
use super::session::FAILURE;
use super::session::Fault;
use super::session::Handle;
use super::session::OK;
use super::session::Session;
use super::wire::Answer;
use super::wire::CLOSE;
use super::wire::FSTAT;
use super::wire::MKDIR;
use super::wire::Name;
use super::wire::OPEN;
use super::wire::OPENDIR;
use super::wire::PIECE_BYTES;
use super::wire::READ;
use super::wire::READDIR;
use super::wire::REMOVE;
use super::wire::RENAME;
use super::wire::Request;
use super::wire::STAT;
use super::wire::TO_MAKE;
use super::wire::TO_READ;
use super::wire::read_room;

/// Syncs a file, or in OpenSSH a folder.
const SYNC: &str = "fsync@openssh.com";
/// Renames over what is there, as POSIX does; plain SFTP refuses that.
const RENAME_OVER: &str = "posix-rename@openssh.com";
/// Tells how much room a file system has.
const ROOM: &str = "statvfs@openssh.com";

/// Folders that are open at once while several are listed; OpenSSH allows more.
const OPEN_FOLDERS: usize = 32;
/// More names than any repository has packs: what a broken server sends without an end is not gathered.
const NAMES_MAX: usize = 5_000_000;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

impl Session {
    /// Makes a folder and those above it, where they are missing.
    pub(super) fn make_folder(&mut self, path: &str) -> Result<(), Fault> {
        match self.stat(path) {
            Ok(is) if is.is_folder() => return Ok(()),
            Ok(_) => return Err(Fault::wrong(format!("{path} is a file there"))),
            Err(fault) if fault.is_missing() => {}
            Err(fault) => return Err(fault),
        }
        let above = folder_of(path);
        if above != path {
            self.make_folder(above)?;
        }
        let answer = self.ask(&make(path))?;
        self.done(answer)?;
        self.sync_folder(above)
    }

    /// Makes all of these; the folder that they are in is there.
    pub(super) fn make_folders(&mut self, paths: &[String]) -> Result<(), Fault> {
        let answers = self.ask_all(paths.iter().map(|path| make(path)))?;
        let mut there = Vec::new();
        for (answer, path) in answers.into_iter().zip(paths) {
            match answer {
                Answer::Status { code: OK, .. } => {}
                // It says no more when there is one already.
                Answer::Status { code: FAILURE, .. } => there.push(path),
                other => return Err(self.unexpected(other)),
            }
        }
        let stats = there
            .iter()
            .map(|path| Request::new(STAT).bytes(path.as_bytes()));
        for (answer, path) in self.ask_all(stats)?.into_iter().zip(&there) {
            if !self.attributes(answer)?.is_folder() {
                return Err(Fault::wrong(format!("{path} is a file there")));
            }
        }
        Ok(())
    }

    /// Writes a file by a name of its own, has it written to disk and gives it its name: it is there whole, or not
    /// at all.
    pub(super) fn write_file(
        &mut self,
        path: &str,
        temporary: &str,
        content: &[Bytes],
        pace: Option<&Pace>,
    ) -> Result<(), Fault> {
        let handle = self.open_new(temporary)?;
        let written = self
            .write(&handle, content, pace)
            .and_then(|()| self.sync_and_close(&handle))
            .and_then(|()| self.rename_over(temporary, path));
        match written {
            Ok(()) => self.sync_folder(folder_of(path)),
            Err(Fault::Broken(error)) => Err(Fault::Broken(error)),
            Err(fault) => {
                let fault = self.or_full(fault, folder_of(path), content);
                self.close_unheeded(&handle)?;
                self.tell(&remove(temporary))?;
                Err(fault)
            }
        }
    }

    fn open_new(&mut self, path: &str) -> Result<Handle, Fault> {
        let request = Request::new(OPEN).bytes(path.as_bytes()).number(TO_MAKE);
        let answer = self.ask(&request.mode(FILE_MODE))?;
        self.handle(answer)
    }

    fn sync_and_close(&mut self, handle: &Handle) -> Result<(), Fault> {
        let sync = self
            .can(SYNC)
            .then(|| Request::extended(SYNC).bytes(handle));
        let close = Request::new(CLOSE).bytes(handle);
        for answer in self.ask_all(sync.into_iter().chain([close]))? {
            self.done(answer)?;
        }
        Ok(())
    }

    fn rename_over(&mut self, from: &str, to: &str) -> Result<(), Fault> {
        let paths = |request: Request| request.bytes(from.as_bytes()).bytes(to.as_bytes());
        if self.can(RENAME_OVER) {
            let answer = self.ask(&paths(Request::extended(RENAME_OVER)))?;
            return self.done(answer);
        }
        let answer = self.ask(&paths(Request::new(RENAME)))?;
        if let Answer::Status { code: FAILURE, .. } = answer {
            // Only the same is ever written again, so it is missing for a moment at the worst.
            self.remove_file(to)?;
            let answer = self.ask(&paths(Request::new(RENAME)))?;
            return self.done(answer);
        }
        self.done(answer)
    }

    /// Has a folder's list of names written to disk. SFTP knows no such thing; OpenSSH's server opens a folder as it
    /// does a file, and syncs it.
    pub(super) fn sync_folder(&mut self, path: &str) -> Result<(), Fault> {
        if self.has_no_folder_sync || !self.can(SYNC) {
            return Ok(());
        }
        let open = Request::new(OPEN).bytes(path.as_bytes()).number(TO_READ);
        let Answer::Handle(handle) = self.ask(&open.nothing_special())? else {
            self.has_no_folder_sync = true;
            return Ok(());
        };
        let synced = self.ask(&Request::extended(SYNC).bytes(&handle))?;
        self.close_unheeded(&handle)?;
        self.done(synced)
    }

    /// A server has one word for all that goes wrong: where there is no room, that is the reason.
    fn or_full(&mut self, fault: Fault, folder: &str, content: &[Bytes]) -> Fault {
        if !matches!(fault, Fault::Status { code: FAILURE, .. }) || !self.can(ROOM) {
            return fault;
        }
        let room = self.ask(&Request::extended(ROOM).bytes(folder.as_bytes()));
        let Ok(Answer::Extended(room)) = room else {
            return fault;
        };
        let wanted: usize = content.iter().map(Bytes::len).sum();
        match read_room(&room) {
            Some(room) if room < wanted as u64 => Fault::Wrong(TargetError::new(
                Trouble::Full,
                format!("the disk there has no room: {room} bytes are free, {wanted} are needed"),
            )),
            Some(_) | None => fault,
        }
    }

    /// Removes a file; one that is not there is fine.
    pub(super) fn remove_file(&mut self, path: &str) -> Result<(), Fault> {
        let answer = self.ask(&remove(path))?;
        match self.done(answer) {
            Err(fault) if fault.is_missing() => Ok(()),
            done => done,
        }
    }

    /// A whole file.
    pub(super) fn read_file(&mut self, path: &str, pace: Option<&Pace>) -> Result<Bytes, Fault> {
        let handle = self.open_to_read(path)?;
        let content = self.read_all(&handle, pace);
        self.close_after(&handle, content)
    }

    /// So many bytes of a file.
    pub(super) fn read_file_range(
        &mut self,
        path: &str,
        offset: u64,
        length: u64,
        pace: Option<&Pace>,
    ) -> Result<Bytes, Fault> {
        let length = usize::try_from(length).ok();
        let Some(length) = length.filter(|length| *length as u64 <= OBJECT_BYTES_MAX) else {
            return Err(Fault::wrong("no object has so many bytes"));
        };
        let handle = self.open_to_read(path)?;
        let content = self.read(&handle, offset, length, pace).map(Bytes::from);
        self.close_after(&handle, content)
    }

    fn open_to_read(&mut self, path: &str) -> Result<Handle, Fault> {
        let request = Request::new(OPEN).bytes(path.as_bytes()).number(TO_READ);
        let answer = self.ask(&request.nothing_special())?;
        self.handle(answer)
    }

    /// Its size is asked for together with its first piece: most objects have no more.
    fn read_all(&mut self, handle: &Handle, pace: Option<&Pace>) -> Result<Bytes, Fault> {
        let first = Request::new(READ).bytes(handle).long(0);
        let requests = [
            Request::new(FSTAT).bytes(handle),
            first.number(PIECE_BYTES as u32),
        ];
        let mut answers = self.ask_all(requests)?.into_iter();
        let (Some(is), Some(first)) = (answers.next(), answers.next()) else {
            return Err(Fault::wrong("it could not be read"));
        };
        let is = self.attributes(is)?;
        if !is.is_file() {
            return Err(Fault::wrong("it is no file"));
        }
        let length = match is.bytes {
            Some(0) => return Err(Fault::wrong("it is empty")),
            Some(length) if length <= OBJECT_BYTES_MAX => usize::try_from(length).unwrap_or(0),
            Some(_) => return Err(Fault::wrong("it is too large")),
            None => return Err(Fault::wrong("the server does not tell its size")),
        };
        let first = match first {
            Answer::Data(first) => first,
            Answer::Status { code: EOF, .. } => return Err(Fault::wrong("it became shorter")),
            other => return Err(self.unexpected(other)),
        };
        if let Some(pace) = pace {
            pace.down(first.len());
        }
        if first.len() >= length {
            return Ok(first.slice(..length));
        }
        let rest = self.read(handle, first.len() as u64, length - first.len(), pace)?;
        Ok([&*first, &*rest].concat().into())
    }

    fn close_after(
        &mut self,
        handle: &Handle,
        content: Result<Bytes, Fault>,
    ) -> Result<Bytes, Fault> {
        if !matches!(content, Err(Fault::Broken(_))) {
            self.close_unheeded(handle)?;
        }
        content
    }

    /// All names in each of these folders.
    pub(super) fn list_folders(&mut self, paths: &[String]) -> Result<Vec<Vec<Name>>, Fault> {
        let mut listed = Vec::new();
        let mut count = 0;
        for paths in paths.chunks(OPEN_FOLDERS) {
            let folders = self.list_some(paths)?;
            count += folders.iter().map(Vec::len).sum::<usize>();
            if count > NAMES_MAX {
                return Err(Fault::wrong("there are too many files in its folders"));
            }
            listed.extend(folders);
        }
        Ok(listed)
    }

    fn list_some(&mut self, paths: &[String]) -> Result<Vec<Vec<Name>>, Fault> {
        let opens = paths
            .iter()
            .map(|path| Request::new(OPENDIR).bytes(path.as_bytes()));
        let answers = self.ask_all(opens)?;
        let (mut open, mut fault) = (Vec::new(), None);
        for (place, answer) in answers.into_iter().enumerate() {
            match self.handle(answer) {
                Ok(handle) => open.push((place, handle)),
                Err(error) => fault = Some(error),
            }
        }
        let mut listed: Vec<_> = paths.iter().map(|_| Vec::new()).collect();
        while fault.is_none() && !open.is_empty() {
            let requests = open
                .iter()
                .map(|(_, handle)| Request::new(READDIR).bytes(handle));
            let requests: Vec<_> = requests.collect();
            let answers = self.ask_all(requests)?;
            let mut unread = Vec::new();
            for ((place, handle), answer) in open.into_iter().zip(answers) {
                match answer {
                    // Without an end, and without anything: not twice.
                    Answer::Names(names) if !names.is_empty() => {
                        listed[place].extend(names);
                        unread.push((place, handle));
                        continue;
                    }
                    Answer::Status { code: EOF, .. } => {}
                    other => fault = Some(self.unexpected(other)),
                }
                self.close_unheeded(&handle)?;
            }
            open = unread;
            if listed.iter().map(Vec::len).sum::<usize>() > NAMES_MAX {
                fault = Some(Fault::wrong("there are too many files in its folders"));
            }
        }
        for (_, handle) in &open {
            self.close_unheeded(handle)?;
        }
        fault.map_or(Ok(listed), Err)
    }
}

fn make(path: &str) -> Request {
    Request::new(MKDIR).bytes(path.as_bytes()).mode(FOLDER_MODE)
}

pub(super) fn remove(path: &str) -> Request {
    Request::new(REMOVE).bytes(path.as_bytes())
}

/// The folder that a path is in; a path is relative to the user's own.
fn folder_of(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
        None => ".",
    }
}
