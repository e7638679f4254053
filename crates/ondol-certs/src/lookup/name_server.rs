//! A name server for tests, on an address and port of its own: it says what it is told to say.

use std::collections::BTreeMap;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::UdpSocket;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::Mutex;

use hickory_proto::op::Message;
use hickory_proto::op::OpCode;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::Name;
use hickory_proto::rr::RData;
use hickory_proto::rr::Record;
use hickory_proto::rr::RecordType;
use hickory_proto::rr::rdata::CAA;
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::rdata::NS;
use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::rdata::TXT;

/// Answers until the test ends.
#[derive(Clone)]
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    records: Vec<Record>,
    /// What is answered for a name in place of records; `None`: nothing.
    odd: BTreeMap<String, Option<ResponseCode>>,
    questions: Vec<Asked>,
    is_without_edns: bool,
}

/// A question that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) kind: RecordType,
    pub(crate) is_recursive: bool,
    pub(crate) is_tcp: bool,
}

impl NameServer {
    /// Listens on a free port of this address (`127.0.0.1`), with records as in a zone file (`name type value`).
    pub(crate) fn start(address: &str, records: &[&str]) -> Self {
        let (udp, tcp) = (0..100)
            .find_map(|_| {
                let udp = UdpSocket::bind((address, 0)).unwrap();
                let tcp = TcpListener::bind(udp.local_addr().unwrap());
                Some((udp, tcp.ok()?))
            })
            .unwrap();
        let server = Self {
            address: udp.local_addr().unwrap(),
            state: Arc::default(),
        };
        for record in records {
            server.add(record);
        }
        let of_udp = server.clone();
        ondol_base::tasks::spawn_thread("udp", move || of_udp.serve_udp(&udp)).unwrap();
        let of_tcp = server.clone();
        ondol_base::tasks::spawn_thread("tcp", move || of_tcp.serve_tcp(&tcp)).unwrap();
        server
    }

    pub(crate) fn add(&self, line: &str) {
        self.state.lock().unwrap().records.push(record(line));
    }

    pub(crate) fn clear(&self) {
        self.state.lock().unwrap().records.clear();
    }

    /// Answers every question for a name so, or not at all.
    pub(crate) fn answer_oddly(&self, name: &str, code: Option<ResponseCode>) {
        let mut state = self.state.lock().unwrap();
        state.odd.insert(name.to_owned(), code);
    }

    /// Knows no EDNS, as old ones.
    pub(crate) fn forget_edns(&self) {
        self.state.lock().unwrap().is_without_edns = true;
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().questions.clone()
    }

    fn serve_udp(&self, socket: &UdpSocket) {
        let mut buffer = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let Some(answer) = self.answer(&buffer[..length], false) else {
                continue;
            };
            let mut bytes = answer.to_vec().unwrap();
            if bytes.len() > 1232 {
                bytes = answer.truncate().to_vec().unwrap();
            }
            // A forgery comes first.
            let mut forged = Message::response(answer.metadata.id.wrapping_add(1), OpCode::Query);
            forged.metadata.response_code = ResponseCode::NXDomain;
            forged.queries.clone_from(&answer.queries);
            socket.send_to(&forged.to_vec().unwrap(), peer).unwrap();
            socket.send_to(&bytes, peer).unwrap();
        }
    }

    fn serve_tcp(&self, listener: &TcpListener) {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut question = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut question).unwrap();
            if let Some(answer) = self.answer(&question, true) {
                let bytes = answer.to_vec().unwrap();
                let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
                stream.write_all(&[&length, &*bytes].concat()).unwrap();
            }
        }
    }

    fn answer(&self, question: &[u8], is_tcp: bool) -> Option<Message> {
        let question = Message::from_vec(question).unwrap();
        let query = question.queries[0].clone();
        let (name, kind) = (query.name().to_lowercase(), query.query_type());
        let mut state = self.state.lock().unwrap();
        let text = name.to_ascii().trim_end_matches('.').to_owned();
        state.questions.push(Asked {
            name: text.clone(),
            kind,
            is_recursive: question.metadata.recursion_desired,
            is_tcp,
        });
        let mut answer = Message::response(question.metadata.id, OpCode::Query);
        answer.add_query(query);
        if state.is_without_edns && question.edns.is_some() {
            answer.metadata.response_code = ResponseCode::FormErr;
            return Some(answer);
        }
        if let Some(odd) = state.odd.get(&text) {
            answer.metadata.response_code = (*odd)?;
            return Some(answer);
        }
        state.fill(&mut answer, &name, kind);
        Some(answer)
    }
}

impl State {
    fn fill(&self, answer: &mut Message, name: &Name, kind: RecordType) {
        let mut name = name.clone();
        for _ in 0..10 {
            let found = self.records.iter().filter(|record| record.name == name);
            let found: Vec<Record> = found
                .filter(|record| record.record_type() == kind)
                .cloned()
                .collect();
            if !found.is_empty() {
                answer.add_answers(found);
                return;
            }
            let alias = self.records.iter().find_map(|record| match &record.data {
                RData::CNAME(target) if record.name == name => Some((record, target)),
                _ => None,
            });
            let Some((record, target)) = alias else {
                break;
            };
            answer.add_answer(record.clone());
            name = target.0.clone();
        }
        let zones = self
            .records
            .iter()
            .filter(|record| record.record_type() == RecordType::SOA && record.name.zone_of(&name));
        let zone = zones.max_by_key(|record| record.name.num_labels());
        let exists = self.records.iter().any(|record| name.zone_of(&record.name));
        // Of a target in another zone nothing is known.
        if !exists && (zone.is_some() || answer.answers.is_empty()) {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        answer.add_authorities(zone.cloned());
    }
}

fn record(line: &str) -> Record {
    let mut words = line.splitn(3, ' ');
    let name = fqdn(words.next().unwrap());
    let kind = words.next().unwrap();
    let value = words.next().unwrap();
    let data = match kind {
        "A" => RData::A(value.parse().unwrap()),
        "AAAA" => RData::AAAA(value.parse().unwrap()),
        "CNAME" => RData::CNAME(CNAME(fqdn(value))),
        "NS" => RData::NS(NS(fqdn(value))),
        "TXT" => RData::TXT(TXT::from_bytes(value.as_bytes().chunks(200).collect())),
        "SOA" => RData::SOA(SOA::new(fqdn(value), fqdn(value), 1, 60, 60, 60, 30)),
        "CAA" => RData::CAA(caa(value)),
        kind => panic!("unknown type {kind}"),
    };
    Record::from_rdata(name, 300, data)
}

/// `0 issue ca.example; …`
fn caa(text: &str) -> CAA {
    let mut words = text.splitn(3, ' ');
    let flags: u8 = words.next().unwrap().parse().unwrap();
    let mut caa = CAA::new_issue(flags == 128, None, Vec::new());
    caa.tag = words.next().unwrap().to_owned();
    caa.value = words.next().unwrap().as_bytes().to_vec();
    caa
}

fn fqdn(text: &str) -> Name {
    let mut name = Name::from_str(text).unwrap();
    name.set_fqdn(true);
    name
}
