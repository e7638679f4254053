//! A UPS of a NUT server. Only asked: who logs in holds up the machine that shuts down last.

use std::io;
use std::time::Duration;

use ondol_model::watch::PowerReading;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpStream;

/// How long a connection and an answer may take together; the next question is due then.
const PATIENCE: Duration = Duration::from_secs(4);
/// As much as an answer may be long: a big UPS has 200 variables of 60 bytes each.
const ANSWER_BYTES_MAX: u64 = 128 * 1024;
/// As much of a name as fits into a line.
const MODEL_CHARS_MAX: usize = 80;

/// The way to one UPS; the connection is kept.
#[derive(Debug)]
pub(super) struct Nut {
    server: String,
    name: String,
    connection: Option<BufReader<TcpStream>>,
}

/// What it said.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Said {
    pub(super) reading: PowerReading,
    /// Its maker and model, as far as it tells.
    pub(super) model: String,
    /// What is drawn from it, in watts.
    pub(super) watts: Option<f64>,
}

/// Why it said nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum NutError {
    #[error("the NUT server {server} can't be reached")]
    Connect {
        server: String,
        #[source]
        error: io::Error,
    },
    #[error("the NUT server {server} does not answer within {} s", PATIENCE.as_secs())]
    Slow { server: String },
    #[error("the connection to the NUT server {server} broke")]
    Broken {
        server: String,
        #[source]
        error: io::Error,
    },
    #[error("{server} does not talk as a NUT server does")]
    Strange { server: String },
    #[error(
        "the NUT server {server} has no UPS named `{name}`; `upsc -l {server}` lists those that it has"
    )]
    Unknown { server: String, name: String },
    #[error(
        "the NUT server {server} lets nobody from this machine ask; see LISTEN and ACCEPT of its upsd.conf"
    )]
    Denied { server: String },
    #[error(
        "the NUT server {server} does not reach the UPS `{name}` itself ({word}): is its driver running, and the cable in?"
    )]
    Stale {
        server: String,
        name: String,
        word: String,
    },
}

impl Nut {
    pub(super) fn new(server: &str, name: &str) -> Self {
        Self {
            server: server.to_owned(),
            name: name.to_owned(),
            connection: None,
        }
    }

    /// Asks for everything that it knows.
    pub(super) async fn ask(&mut self) -> Result<Said, NutError> {
        // One that was cut off in the middle of an answer is not used again.
        let kept = self.connection.take();
        let asked = self.ask_by(kept);
        let Ok(answered) = tokio::time::timeout(PATIENCE, asked).await else {
            let server = self.server.clone();
            return Err(NutError::Slow { server });
        };
        let (connection, lines) = answered?;
        self.connection = Some(connection);
        self.read(&lines)
    }

    async fn ask_by(
        &self,
        kept: Option<BufReader<TcpStream>>,
    ) -> Result<(BufReader<TcpStream>, Vec<String>), NutError> {
        if let Some(mut connection) = kept {
            // It may have been restarted since.
            if let Ok(lines) = self.list(&mut connection).await {
                return Ok((connection, lines));
            }
        }
        let connected = TcpStream::connect(&self.server).await;
        let connected = connected.map_err(|error| NutError::Connect {
            server: self.server.clone(),
            error,
        })?;
        let mut connection = BufReader::new(connected);
        let lines = self.list(&mut connection).await;
        let lines = lines.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => NutError::Strange {
                server: self.server.clone(),
            },
            _ => NutError::Broken {
                server: self.server.clone(),
                error,
            },
        })?;
        Ok((connection, lines))
    }

    /// The lines of an answer, without those that begin and end it; or the one that refuses it.
    async fn list(&self, connection: &mut BufReader<TcpStream>) -> io::Result<Vec<String>> {
        let question = format!("LIST VAR {}\n", self.name);
        connection.get_mut().write_all(question.as_bytes()).await?;
        let begin = format!("BEGIN LIST VAR {}", self.name);
        let end = format!("END LIST VAR {}", self.name);
        let mut limited = connection.take(ANSWER_BYTES_MAX);
        let first = line(&mut limited).await?;
        if first.starts_with("ERR ") {
            return Ok(vec![first]);
        }
        if first != begin {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut lines = Vec::new();
        loop {
            let next = line(&mut limited).await?;
            if next == end {
                return Ok(lines);
            }
            lines.push(next);
        }
    }

    fn read(&self, lines: &[String]) -> Result<Said, NutError> {
        let refused = lines.first().and_then(|line| line.strip_prefix("ERR "));
        if let Some(refused) = refused {
            return Err(self.refused(refused));
        }
        let value = |wanted: &str| {
            let mut variables = lines.iter().filter_map(|line| variable(line, &self.name));
            variables.find_map(|(name, value)| (name == wanted).then_some(value))
        };
        let number = |name| {
            let number: f64 = value(name)?.trim().parse().ok()?;
            number.is_finite().then_some(number)
        };
        let Some(status) = value("ups.status") else {
            return Err(self.refused("no ups.status"));
        };
        let load = number("ups.load").zip(number("ups.realpower.nominal"));
        let charge = number("battery.charge").map(|percent| (percent / 100.0).clamp(0.0, 1.0));
        let runtime = number("battery.runtime").filter(|seconds| *seconds >= 0.0);
        let words = [value("ups.mfr"), value("ups.model")];
        let words: Vec<_> = words.into_iter().flatten().collect();
        Ok(Said {
            reading: PowerReading {
                charge,
                runtime: runtime.map(|seconds| seconds as u64),
                ..PowerReading::of_status(&status)
            },
            model: named(&words.join(" ")),
            watts: number("ups.realpower")
                .or_else(|| load.map(|(percent, nominal)| percent * nominal / 100.0))
                .filter(|watts| *watts >= 0.0),
        })
    }

    fn refused(&self, words: &str) -> NutError {
        let (server, name) = (self.server.clone(), self.name.clone());
        match words.split(' ').next() {
            Some("UNKNOWN-UPS") => NutError::Unknown { server, name },
            Some("ACCESS-DENIED") => NutError::Denied { server },
            Some(_) | None => NutError::Stale {
                server,
                name,
                word: words.chars().take(60).collect(),
            },
        }
    }
}

async fn line(connection: &mut tokio::io::Take<&mut BufReader<TcpStream>>) -> io::Result<String> {
    let mut bytes = Vec::new();
    connection.read_until(b'\n', &mut bytes).await?;
    if bytes.pop() != Some(b'\n') {
        return Err(match connection.limit() {
            0 => io::ErrorKind::InvalidData.into(),
            _ => io::ErrorKind::UnexpectedEof.into(),
        });
    }
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

/// A name as it can be shown: on one line, and short.
fn named(words: &str) -> String {
    let shown = words.trim().chars().filter(|one| !one.is_control());
    shown.take(MODEL_CHARS_MAX).collect()
}

/// Name and value of `VAR su700 ups.status "OL"`.
fn variable(line: &str, ups: &str) -> Option<(String, String)> {
    let rest = line.strip_prefix("VAR ")?.strip_prefix(ups)?;
    let (name, quoted) = rest.strip_prefix(' ')?.split_once(' ')?;
    let quoted = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => value.extend(characters.next()),
            _ => value.push(character),
        }
    }
    Some((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use ondol_base::chain::Chain;
    use tokio::net::TcpListener;

    use super::*;

    /// Answers each question on each connection with the next of these texts, and goes after the last; `None` is
    /// silence.
    async fn ask(answers: &[Option<&str>]) -> Result<Said, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap().to_string();
        let mut nut = Nut::new(&server, "ups");
        let serving = async {
            for answer in answers {
                let (stream, _) = listener.accept().await.unwrap();
                let mut stream = BufReader::new(stream);
                let mut question = String::new();
                stream.read_line(&mut question).await.unwrap();
                assert_eq!(question, "LIST VAR ups\n");
                match answer {
                    Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                    None => std::future::pending().await,
                }
            }
        };
        let asking = async {
            let mut said = Err(String::new());
            for _ in answers {
                let asked = nut.ask().await;
                said = asked.map_err(|error| Chain(&error).to_string().replace(&server, "HERE"));
            }
            said
        };
        tokio::pin!(serving);
        tokio::select! {
            said = asking => said,
            () = async { (&mut serving).await; std::future::pending().await } => unreachable!(),
        }
    }

    fn list(variables: &str) -> String {
        let lines: Vec<_> = variables
            .lines()
            .map(|line| format!("VAR ups {}\n", line.trim()))
            .collect();
        format!("BEGIN LIST VAR ups\n{}END LIST VAR ups\n", lines.concat())
    }

    #[tokio::test]
    async fn what_a_ups_says_is_read() {
        let answer = list(
            r#"battery.charge "87"
            battery.runtime "1250.00"
            ups.mfr "American \"Power\" \\ Conversion"
            ups.model "Back-UPS XS 700U"
            ups.load "10"
            ups.realpower.nominal "390"
            ups.status "OB DISCHRG""#,
        );
        let said = ask(&[Some(&answer)]).await.unwrap();
        assert!(said.reading.is_on_battery && !said.reading.is_low);
        assert_eq!(said.reading.charge, Some(0.87));
        assert_eq!(said.reading.runtime, Some(1_250));
        assert_eq!(
            said.model,
            r#"American "Power" \ Conversion Back-UPS XS 700U"#
        );
        assert_eq!(said.watts, Some(39.0));
    }

    #[tokio::test]
    async fn a_ups_that_says_little_or_nonsense_is_read_as_far_as_it_goes() {
        let answer = list(
            r#"ups.status "OL"
            battery.charge "unknown"
            battery.runtime "-1"
            ups.realpower "27"
            noise"#,
        );
        let said = ask(&[Some(&answer)]).await.unwrap();
        assert_eq!(said.reading, PowerReading::default());
        assert_eq!((said.watts, said.model.as_str()), (Some(27.0), ""));
        let long = "y".repeat(10_000);
        let answer = list(&format!(
            "ups.status \"OL\"\nbattery.charge \"nan\"\nbattery.runtime \"inf\"\n\
             ups.realpower \"NaN\"\nups.load \"inf\"\nups.realpower.nominal \"390\"\n\
             ups.model \"\x1b[2J\x07{long}\""
        ));
        let said = ask(&[Some(&answer)]).await.unwrap();
        assert_eq!(said.reading, PowerReading::default());
        assert_eq!(said.watts, None);
        assert_eq!(said.model.len(), MODEL_CHARS_MAX);
        assert!(said.model.starts_with("[2Jyy"), "{}", said.model);
    }

    #[tokio::test]
    async fn refusals_say_what_to_do() {
        for (answer, sentence) in [
            (
                "ERR UNKNOWN-UPS\n",
                "the NUT server HERE has no UPS named `ups`; `upsc -l HERE` lists those that it has",
            ),
            (
                "ERR ACCESS-DENIED\n",
                "the NUT server HERE lets nobody from this machine ask; see LISTEN and ACCEPT of its upsd.conf",
            ),
            (
                "ERR DATA-STALE\n",
                "the NUT server HERE does not reach the UPS `ups` itself (DATA-STALE): is its driver running, and the cable in?",
            ),
            (
                "ERR DRIVER-NOT-CONNECTED\n",
                "the NUT server HERE does not reach the UPS `ups` itself (DRIVER-NOT-CONNECTED): is its driver running, and the cable in?",
            ),
            (
                "SSH-2.0-OpenSSH_9.2\r\n",
                "HERE does not talk as a NUT server does",
            ),
            (
                "BEGIN LIST VAR ups\nEND LIST VAR ups\n",
                "the NUT server HERE does not reach the UPS `ups` itself (no ups.status): is its driver running, and the cable in?",
            ),
        ] {
            assert_eq!(ask(&[Some(answer)]).await.unwrap_err(), sentence);
        }
        let endless = "x".repeat(200 * 1024);
        assert_eq!(
            ask(&[Some(&endless)]).await.unwrap_err(),
            "HERE does not talk as a NUT server does"
        );
        let cut = ask(&[Some("BEGIN LIST VAR ups\nVAR ups ups.st")]).await;
        assert!(
            cut.unwrap_err()
                .starts_with("the connection to the NUT server HERE broke"),
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_accepts_and_never_answers_is_given_up() {
        assert_eq!(
            ask(&[None]).await.unwrap_err(),
            "the NUT server HERE does not answer within 4 s"
        );
    }

    #[tokio::test]
    async fn a_server_that_was_restarted_is_connected_to_again() {
        let answer = list(r#"ups.status "OL""#);
        // Each connection ends after one answer.
        ask(&[Some(&answer), Some(&answer), Some(&answer)])
            .await
            .unwrap();
    }
}
