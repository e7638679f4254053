//! Asks a machine far away for the time (SNTP, RFC 4330 §5), to compare it with the box's own. It sets nothing.

use std::io;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use ondol_base::clock;
use tokio::net::UdpSocket;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(5);
const PACKET_BYTES: usize = 48;
/// Version 4, a client.
const CLIENT: u8 = 0x23;
const SERVER_MODE: u8 = 4;
/// A server that is not right itself says so.
const UNSYNCHRONIZED: u8 = 3;
const STRATUM_MAX: u8 = 15;
/// From 1900, where these times begin, to 1970; seconds.
const SINCE_1900: f64 = 2_208_988_800.0;
/// The times begin anew in 2036.
const ERA_S: f64 = 4_294_967_296.0;

/// Seconds that the box's clock is ahead of that of a machine (`host:port`).
pub(super) async fn ask(server: &str) -> io::Result<f64> {
    match timeout(LIMIT, exchange(server)).await {
        Ok(ahead) => ahead,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

async fn exchange(server: &str) -> io::Result<f64> {
    let mut addresses = tokio::net::lookup_host(server).await?;
    let address = addresses.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    let asked_at = clock::wall();
    // Nobody who does not see the question can guess it, so it says which answer belongs to it.
    let mark = asked_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mark = u64::try_from(mark.as_nanos() & u128::from(u64::MAX)).unwrap_or(0);
    let mut packet = [0; PACKET_BYTES];
    packet[0] = CLIENT;
    packet[40..].copy_from_slice(&mark.to_be_bytes());
    socket.send(&packet).await?;
    let mut answer = [0; PACKET_BYTES];
    loop {
        let length = socket.recv(&mut answer).await?;
        let heard_at = clock::wall();
        let is_answer = length == PACKET_BYTES && answer[24..32] == mark.to_be_bytes();
        if is_answer {
            let ahead = ahead(&answer, seconds(asked_at), seconds(heard_at));
            return ahead.ok_or_else(|| io::ErrorKind::InvalidData.into());
        }
    }
}

fn seconds(time: SystemTime) -> f64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

/// How far the box's clock is ahead, by an answer to what was asked and heard at these times.
fn ahead(answer: &[u8; PACKET_BYTES], asked_at: f64, heard_at: f64) -> Option<f64> {
    let [first, stratum, ..] = *answer;
    let (leap, mode) = (first >> 6, first & 0x7);
    let is_good =
        mode == SERVER_MODE && leap != UNSYNCHRONIZED && (1..=STRATUM_MAX).contains(&stratum);
    if !is_good {
        return None;
    }
    let received = timestamp(&answer[32..40], asked_at)?;
    let sent = timestamp(&answer[40..48], asked_at)?;
    Some(((asked_at - received) + (heard_at - sent)) / 2.0)
}

/// Seconds since 1970 of a time of the protocol, in the era that is nearest to the box's clock.
fn timestamp(bytes: &[u8], near: f64) -> Option<f64> {
    let (whole, fraction) = bytes.split_at_checked(4)?;
    let whole = u32::from_be_bytes(whole.try_into().ok()?);
    let fraction = u32::from_be_bytes(fraction.try_into().ok()?);
    if whole == 0 {
        return None;
    }
    let seconds = f64::from(whole) + f64::from(fraction) / ERA_S - SINCE_1900;
    let eras = ((near - seconds) / ERA_S).round();
    Some(seconds + eras * ERA_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2027-01-15 08:00:00, as the box has it.
    const NOW: f64 = 1_800_000_000.0;

    fn answer(first: u8, stratum: u8, server: f64) -> [u8; PACKET_BYTES] {
        let mut answer = [0; PACKET_BYTES];
        (answer[0], answer[1]) = (first, stratum);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a time of the protocol has these bits"
        )]
        let time = (((server + SINCE_1900) % ERA_S * ERA_S) as u64).to_be_bytes();
        answer[32..40].copy_from_slice(&time);
        answer[40..48].copy_from_slice(&time);
        answer
    }

    #[test]
    fn the_way_there_and_back_is_left_out() {
        for behind in [-3600.0, 0.0, 2.5, 100_000.0] {
            let answer = answer(0x24, 2, NOW + 0.05 - behind);
            let found = ahead(&answer, NOW, NOW + 0.1).unwrap();
            assert!((found - behind).abs() < 0.001, "{behind}: {found}");
        }
    }

    #[test]
    fn the_era_after_2036_is_understood() {
        let now = 2_100_000_000.0;
        let found = ahead(&answer(0x24, 1, now - 1.0), now, now).unwrap();
        assert!((found - 1.0).abs() < 0.001, "{found}");
    }

    #[test]
    fn who_is_not_right_itself_is_not_believed() {
        for (first, stratum) in [(0xe4, 2), (0x24, 0), (0x24, 16), (0x23, 2)] {
            assert_eq!(ahead(&answer(first, stratum, NOW), NOW, NOW), None);
        }
        assert_eq!(ahead(&[0x24; PACKET_BYTES].map(|_| 0), NOW, NOW), None);
    }

    #[tokio::test]
    async fn a_server_is_asked_and_others_answers_are_left_aside() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap().to_string();
        let serve = async {
            let mut asked = [0; PACKET_BYTES];
            let (_, peer) = server.recv_from(&mut asked).await.unwrap();
            assert_eq!(asked[0], CLIENT);
            let mut sent = answer(0x24, 1, seconds(clock::wall()) - 100.0);
            server.send_to(&sent, peer).await.unwrap();
            sent[24..32].copy_from_slice(&asked[40..48]);
            server.send_to(&sent, peer).await.unwrap();
        };
        let (found, ()) = tokio::join!(ask(&address), serve);
        let found = found.unwrap();
        assert!((found - 100.0).abs() < 5.0, "{found}");
    }
}
