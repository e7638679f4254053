//! A QR code of a kit: on a terminal, as SVG, as PNG.

use std::io::Write;

use flate2::Compression;
use flate2::Crc;
use flate2::write::ZlibEncoder;
use qrcode::Color;
use qrcode::EcLevel;
use qrcode::QrCode;

/// The light border that a camera needs (ISO/IEC 18004), in modules.
const QUIET: usize = 4;
/// On a terminal cameras do with less, and 80 columns hold more.
const QUIET_ON_SCREEN: usize = 2;
/// Pixels of a module in a PNG: a phone's screen shows it sharp.
const SCALE: usize = 8;

/// Paper gets stains. What is too much for one code with so much to spare is made with less.
const PAPER: [EcLevel; 2] = [EcLevel::M, EcLevel::L];
/// A screen has none, and few columns.
const SCREEN: [EcLevel; 1] = [EcLevel::L];

/// Rows of modules with the border; `true` is dark.
struct Modules(Vec<Vec<bool>>);

/// Half a module above the other in each character; white and black by number, so that no theme turns them.
pub(super) fn terminal(text: &str) -> Option<String> {
    const COLORS: &str = "\x1b[38;5;231;48;5;16m";
    const USUAL: &str = "\x1b[0m";
    let Modules(rows) = Modules::of(text, &SCREEN, QUIET_ON_SCREEN)?;
    let dark = vec![true; rows.len()];
    let lines = rows.chunks(2).map(|pair| {
        let below = pair.get(1).unwrap_or(&dark);
        let halves = pair[0].iter().zip(below).map(|halves| match halves {
            (true, true) => ' ',
            (true, false) => '▄',
            (false, true) => '▀',
            (false, false) => '█',
        });
        format!("{COLORS}{}{USUAL}\n", halves.collect::<String>())
    });
    Some(lines.collect())
}

pub(super) fn svg(text: &str) -> Option<String> {
    let Modules(rows) = Modules::of(text, &PAPER, QUIET)?;
    let side = rows.len();
    let squares = rows.iter().enumerate().flat_map(|(y, row)| {
        let dark = row.iter().enumerate().filter(|(_, is_dark)| **is_dark);
        dark.map(move |(x, _)| format!("M{x} {y}h1v1h-1z"))
    });
    let squares: String = squares.collect();
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" width=\"480\" height=\"480\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{squares}\"/></svg>\n"
    ))
}

/// Black and white, one bit for each pixel.
pub(super) fn png(text: &str) -> Option<Vec<u8>> {
    const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
    /// One bit, gray, and the only way there is to compress, filter and not interlace.
    const KIND: [u8; 5] = [1, 0, 0, 0, 0];
    let Modules(rows) = Modules::of(text, &PAPER, QUIET)?;
    let side = u32::try_from(rows.len() * SCALE).ok()?.to_be_bytes();
    let lines = rows.iter().flat_map(|row| {
        let pixels: Vec<bool> = row.iter().flat_map(|is_dark| [!is_dark; SCALE]).collect();
        let bytes = pixels.chunks(8).map(|eight| {
            let bits = eight.iter().enumerate();
            bits.fold(0, |byte, (at, is_set)| byte | u8::from(*is_set) << (7 - at))
        });
        let line: Vec<u8> = std::iter::once(0).chain(bytes).collect();
        std::iter::repeat_n(line, SCALE).flatten()
    });
    let lines: Vec<u8> = lines.collect();
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&lines).ok()?;
    let packed = packed.finish().ok()?;
    let mut png = SIGNATURE.to_vec();
    chunk(&mut png, *b"IHDR", &[&side[..], &side, &KIND].concat());
    chunk(&mut png, *b"IDAT", &packed);
    chunk(&mut png, *b"IEND", &[]);
    Some(png)
}

fn chunk(png: &mut Vec<u8>, name: [u8; 4], bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or_default();
    let mut sum = Crc::new();
    sum.update(&name);
    sum.update(bytes);
    png.extend(length.to_be_bytes());
    png.extend(name);
    png.extend(bytes);
    png.extend(sum.sum().to_be_bytes());
}

impl Modules {
    /// `None` when no code holds so much.
    fn of(text: &str, levels: &[EcLevel], quiet: usize) -> Option<Self> {
        let mut codes = levels
            .iter()
            .map(|level| QrCode::with_error_correction_level(text, *level));
        let code = codes.find_map(Result::ok)?;
        let width = code.width();
        let colors = code.to_colors();
        let mut rows = vec![vec![false; width + 2 * quiet]; width + 2 * quiet];
        for (at, color) in colors.iter().enumerate() {
            rows[quiet + at / width][quiet + at % width] = *color == Color::Dark;
        }
        Some(Self(rows))
    }
}

#[cfg(test)]
mod tests;
