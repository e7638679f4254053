//! The encoders. Those that can be used again are, by their own thread.

use std::cell::Cell;
use std::cell::RefCell;
use std::fmt;
use std::io;

use brotli::enc::StandardAlloc;
use brotli::enc::encode::BrotliEncoderOperation;
use brotli::enc::encode::BrotliEncoderParameter;
use brotli::enc::encode::BrotliEncoderStateStruct;
use flate2::Compress;
use flate2::Compression as GzipLevel;
use flate2::FlushCompress;
use flate2::Status;
use ondol_model::plan::CompressionLevel;
use ondol_model::plan::Encoding;
use zstd_safe::CCtx;
use zstd_safe::CParameter;
use zstd_safe::InBuffer;
use zstd_safe::OutBuffer;
use zstd_safe::ResetDirective;
use zstd_safe::zstd_sys::ZSTD_EndDirective;

/// Encoders at work on one thread: each holds up to two megabytes. Further answers are sent as they are.
const ENCODERS_MAX: usize = 32;
/// Unused encoders of a coding that a thread keeps.
const SPARE_MAX: usize = 4;
/// Room for what comes out that is made at a time.
const ROOM_BYTES: usize = 16 * 1024;
/// What is looked back at, as a power of two: 256 KiB find nearly all that repeats in a page.
const WINDOW_LOG: u32 = 18;
/// That of gzip is always 32 KiB.
const GZIP_WINDOW_LOG: u8 = 15;

thread_local! {
    static AT_WORK: Cell<usize> = const { Cell::new(0) };
    static SPARE_ZSTD: RefCell<Vec<CCtx<'static>>> = const { RefCell::new(Vec::new()) };
    static SPARE_GZIP: RefCell<Vec<(u32, Compress)>> = const { RefCell::new(Vec::new()) };
}

/// Makes one body smaller.
pub(super) struct Encoder(Option<Coding>);

enum Coding {
    Brotli(Box<BrotliEncoderStateStruct<StandardAlloc>>),
    Gzip(u32, Compress),
    Zstd(CCtx<'static>),
}

/// What is to come after a part of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// More, soon.
    More,
    /// Nothing for a while: all that went in is to come out.
    Pause,
    /// Nothing.
    End,
}

impl Encoder {
    /// `None` when as many are at work as may be. `size` is that of the whole body, if it is known.
    pub(super) fn new(
        encoding: Encoding,
        level: CompressionLevel,
        size: Option<u64>,
    ) -> Option<Self> {
        if AT_WORK.get() >= ENCODERS_MAX {
            return None;
        }
        let coding = match encoding {
            Encoding::Brotli => Some(brotli(level)),
            Encoding::Gzip => Some(gzip(level)),
            Encoding::Zstd => zstd(level, size),
        };
        AT_WORK.set(AT_WORK.get() + 1);
        // From here on the drop below counts it.
        Some(Self(coding)).filter(|encoder| encoder.0.is_some())
    }

    /// Takes a part of the body; what is ready is appended.
    pub(super) fn write(&mut self, part: &[u8], then: Then, out: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.0 {
            Some(Coding::Brotli(state)) => write_brotli(state, part, then, out),
            Some(Coding::Gzip(_, state)) => write_gzip(state, part, then, out),
            Some(Coding::Zstd(state)) => write_zstd(state, part, then, out),
            None => Ok(()),
        }
    }

    /// A whole body.
    pub(super) fn at_once(mut self, body: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(body.len() / 3);
        self.write(body, Then::End, &mut out).ok()?;
        Some(out)
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        fn keep<T>(spare: &RefCell<Vec<T>>, unused: T) {
            let mut spare = spare.borrow_mut();
            if spare.len() < SPARE_MAX {
                spare.push(unused);
            }
        }
        // At the end of a thread there is no place to put it back to.
        let _ = AT_WORK.try_with(|at_work| at_work.set(at_work.get().saturating_sub(1)));
        let _ = match self.0.take() {
            Some(Coding::Gzip(level, state)) => {
                SPARE_GZIP.try_with(|spare| keep(spare, (level, state)))
            }
            Some(Coding::Zstd(state)) => SPARE_ZSTD.try_with(|spare| keep(spare, state)),
            Some(Coding::Brotli(_)) | None => Ok(()),
        };
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.0 {
            Some(Coding::Brotli(_)) => "br",
            Some(Coding::Gzip(..)) => "gzip",
            Some(Coding::Zstd(_)) => "zstd",
            None => "none",
        };
        f.debug_tuple("Encoder").field(&name).finish()
    }
}

fn brotli(level: CompressionLevel) -> Coding {
    let quality = match level {
        CompressionLevel::Balanced => 4,
        CompressionLevel::Fast => 2,
    };
    let mut state = BrotliEncoderStateStruct::new(StandardAlloc::default());
    state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_QUALITY, quality);
    state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_LGWIN, WINDOW_LOG);
    Coding::Brotli(Box::new(state))
}

fn gzip(level: CompressionLevel) -> Coding {
    let level = match level {
        CompressionLevel::Balanced => 4,
        CompressionLevel::Fast => 2,
    };
    let spare = SPARE_GZIP.with_borrow_mut(|spare| {
        let at = spare.iter().position(|(spare, _)| *spare == level)?;
        Some(spare.swap_remove(at))
    });
    match spare {
        Some((level, mut state)) => {
            state.reset();
            Coding::Gzip(level, state)
        }
        None => {
            let state = Compress::new_gzip(GzipLevel::new(level), GZIP_WINDOW_LOG);
            Coding::Gzip(level, state)
        }
    }
}

fn zstd(level: CompressionLevel, size: Option<u64>) -> Option<Coding> {
    let level = match level {
        CompressionLevel::Balanced => 3,
        CompressionLevel::Fast => 1,
    };
    let spare = SPARE_ZSTD.with_borrow_mut(Vec::pop);
    let mut state = spare.or_else(CCtx::try_create)?;
    state.reset(ResetDirective::SessionOnly).ok()?;
    state
        .set_parameter(CParameter::CompressionLevel(level))
        .ok()?;
    state
        .set_parameter(CParameter::WindowLog(WINDOW_LOG))
        .ok()?;
    state.set_pledged_src_size(size).ok()?;
    Some(Coding::Zstd(state))
}

fn write_brotli(
    state: &mut BrotliEncoderStateStruct<StandardAlloc>,
    part: &[u8],
    then: Then,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let operation = match then {
        Then::More => BrotliEncoderOperation::BROTLI_OPERATION_PROCESS,
        Then::Pause => BrotliEncoderOperation::BROTLI_OPERATION_FLUSH,
        Then::End => BrotliEncoderOperation::BROTLI_OPERATION_FINISH,
    };
    let (mut left, mut at) = (part.len(), 0);
    loop {
        let is_fine = state.compress_stream(
            operation,
            &mut left,
            part,
            &mut at,
            &mut 0,
            &mut [],
            &mut 0,
            &mut None,
            &mut |_, _, _, _| (),
        );
        if !is_fine {
            return Err(io::Error::other("brotli failed"));
        }
        while state.has_more_output() {
            let mut all = 0;
            let ready = state.take_output(&mut all);
            // The slice goes on after what is ready.
            out.extend_from_slice(ready.get(..all).unwrap_or_default());
        }
        let is_done = match then {
            Then::More | Then::Pause => left == 0,
            Then::End => state.is_finished(),
        };
        if is_done {
            return Ok(());
        }
    }
}

fn write_gzip(state: &mut Compress, part: &[u8], then: Then, out: &mut Vec<u8>) -> io::Result<()> {
    let flush = match then {
        Then::More => FlushCompress::None,
        Then::Pause => FlushCompress::Sync,
        Then::End => FlushCompress::Finish,
    };
    let mut rest = part;
    loop {
        out.reserve(ROOM_BYTES);
        let before = state.total_in();
        let status = state
            .compress_vec(rest, out, flush)
            .map_err(io::Error::other)?;
        let taken = usize::try_from(state.total_in() - before).unwrap_or(rest.len());
        rest = rest.get(taken..).unwrap_or_default();
        let has_room = out.len() < out.capacity();
        let is_done = match then {
            // With room left over, nothing is waiting inside.
            Then::More | Then::Pause => rest.is_empty() && has_room,
            Then::End => status == Status::StreamEnd,
        };
        if is_done {
            return Ok(());
        }
    }
}

fn write_zstd(
    state: &mut CCtx<'static>,
    part: &[u8],
    then: Then,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let directive = match then {
        Then::More => ZSTD_EndDirective::ZSTD_e_continue,
        Then::Pause => ZSTD_EndDirective::ZSTD_e_flush,
        Then::End => ZSTD_EndDirective::ZSTD_e_end,
    };
    let mut input = InBuffer::around(part);
    loop {
        out.reserve(ROOM_BYTES);
        let at = out.len();
        let mut output = OutBuffer::around_pos(out, at);
        let waiting = state
            .compress_stream2(&mut output, &mut input, directive)
            .map_err(|code| io::Error::other(zstd_safe::get_error_name(code)))?;
        let is_done = match then {
            Then::More => input.pos() == part.len(),
            Then::Pause | Then::End => waiting == 0,
        };
        if is_done {
            return Ok(());
        }
    }
}
