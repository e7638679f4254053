//! What the person sees of the demo. It prints, and knows no socket and no process.

use std::io;
use std::io::IsTerminal;
use std::io::Write;
use std::time::Duration;

use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr;

use super::APP;
use super::HELLO;
use super::app::App;
use super::place::Place;
use super::requests::Request;
use super::visitor::Visit;
use crate::output;
use crate::table::wrap;

/// So much of an answer is shown.
const BODY_LINES_MAX: usize = 12;
/// In front of them.
const MARGIN: &str = "    ";

/// The demo on standard output.
#[derive(Debug)]
pub(super) struct Screen<'d> {
    place: &'d Place,
    app: &'d App,
    ink: Ink,
    /// Of the terminal; what is wider breaks between words.
    width: usize,
}

#[derive(Debug, Clone, Copy)]
enum Ink {
    Plain,
    Colored,
}

#[derive(Debug, Clone, Copy)]
enum Style {
    Title,
    Dim,
    Good,
    Odd,
    Bad,
}

impl<'d> Screen<'d> {
    /// Colors on a terminal alone.
    pub(super) fn new(place: &'d Place, app: &'d App) -> Self {
        let ink = if io::stdout().is_terminal() {
            Ink::Colored
        } else {
            Ink::Plain
        };
        let width = output::Screen::of_standard_output().width;
        let width = width.unwrap_or(usize::MAX);
        Self {
            place,
            app,
            ink,
            width,
        }
    }

    /// What is served, and how to try it.
    pub(super) fn welcome(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let root = self.place.root();
        self.heading(&mut out)?;
        writeln!(out, "\n  Try them from another terminal:\n")?;
        for site in [HELLO, APP] {
            let url = self.place.url(site);
            writeln!(
                out,
                "    {}",
                self.paint(
                    Style::Title,
                    &format!("curl --cacert {} {url}", root.display())
                )
            )?;
        }
        let file = self.place.path().join("ondol.toml");
        writeln!(
            out,
            "\n  This is all that was written for it, in {}:\n",
            file.display()
        )?;
        for line in self.place.configuration().lines() {
            writeln!(out, "    {}", self.paint(Style::Dim, line))?;
        }
        writeln!(
            out,
            "\n  Requests as they come; Ctrl-C ends the demo and removes everything.\n"
        )?;
        out.flush()
    }

    /// One line for a request.
    pub(super) fn request(&self, request: &Request) -> io::Result<()> {
        let Request {
            time,
            method,
            host,
            target,
            version,
            status,
            bytes,
            duration_us,
            tls,
        } = request;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let time = time.to_zoned(TimeZone::system()).strftime("%H:%M:%S");
        let took = milliseconds(Duration::from_micros(*duration_us));
        let url = format!("{method} {scheme}://{host}{target}");
        let rest = format!("  {version}, {bytes} bytes");
        let all = format!("  {time}  {status}  {took:>9}  {url}{rest}");
        let status = self.paint(style_of(*status), &status.to_string());
        let mut out = io::stdout().lock();
        write!(out, "  {time}  {status}  {took:>9}  {url}")?;
        if all.width() <= self.width {
            write!(out, "{}", self.paint(Style::Dim, &rest))?;
        }
        writeln!(out)?;
        out.flush()
    }

    /// What `--once` found.
    pub(super) fn once(&self, visits: &[Visit]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        self.heading(&mut out)?;
        for visit in visits {
            let Visit {
                url,
                status,
                location,
                protection,
                body,
                took,
            } = visit;
            let how = match protection {
                Some(version) => format!("{version}, certificate checked against Ondol's own CA"),
                None => "plain HTTP".to_owned(),
            };
            let answer = self.paint(style_of(status.as_u16()), &status.to_string());
            writeln!(out, "\n  GET {url}  {answer}  {}", milliseconds(*took))?;
            writeln!(out, "  {}", self.paint(Style::Dim, &how))?;
            match location {
                Some(location) => writeln!(out, "    leads to {location}")?,
                None => self.body(&mut out, body)?,
            }
        }
        out.flush()
    }

    fn heading(&self, out: &mut impl Write) -> io::Result<()> {
        let title = self.paint(Style::Title, "Ondol demo");
        writeln!(
            out,
            "\n  {title}: two sites on this machine, over HTTPS with a CA of their own.\n"
        )?;
        let pages = format!("files in {}", self.place.pages().display());
        let app = format!("a sample app on http://{}", self.app.address());
        for (site, what) in [(HELLO, pages), (APP, app)] {
            writeln!(out, "    {:<32}  {what}", self.place.url(site))?;
        }
        Ok(())
    }

    fn body(&self, out: &mut impl Write, body: &str) -> io::Result<()> {
        let lines = body.lines().filter(|line| !line.is_empty());
        for line in lines.clone().take(BODY_LINES_MAX) {
            for line in wrap(line, self.width.saturating_sub(MARGIN.len())) {
                writeln!(out, "{MARGIN}{}", self.paint(Style::Dim, &line))?;
            }
        }
        match lines.skip(BODY_LINES_MAX).count() {
            0 => Ok(()),
            more => writeln!(out, "    … {more} more lines"),
        }
    }

    fn paint(&self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Title => "1",
            Style::Dim => "2",
            Style::Good => "32",
            Style::Odd => "33",
            Style::Bad => "31",
        };
        match self.ink {
            Ink::Plain => text.to_owned(),
            Ink::Colored => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

fn style_of(status: u16) -> Style {
    match status {
        500.. => Style::Bad,
        400.. => Style::Odd,
        _ => Style::Good,
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
