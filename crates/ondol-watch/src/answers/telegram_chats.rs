//! Answers in chats of Telegram: the button of a message, or a reply in words.

use std::convert::Infallible;
use std::time::Duration;

use http::HeaderMap;
use http::Method;
use ondol_base::https::Ask;
use ondol_model::plan::Care;
use ondol_model::plan::Channel;
use ondol_model::plan::Language;
use ondol_model::plan::Value;
use serde::Deserialize;
use serde_json::json;

use super::patience::Patience;
use super::words::Answer;
use crate::channel::SendFailure;
use crate::channel::receiver::Receiver;
use crate::channel::telegram;
use crate::ground::Ground;
use crate::value;

/// How long the service holds a question that has no answer yet.
const HOLD_S: u32 = 50;
/// How long it is waited for that.
const HELD: Duration = Duration::from_secs(65);
/// As many updates as are read at once; each has some KiB at most.
const UPDATES_MAX: u32 = 20;
const UPDATES_BYTES_MAX: usize = 1024 * 1024;
/// Where it is remembered which updates were read, and by which bot.
const FACT: &str = "telegram-offset";

/// Who answers where.
#[derive(Debug, Clone)]
pub(super) struct Chats {
    token: Value,
    people: Vec<(String, Listener)>,
}

#[derive(Debug, Clone)]
struct Listener {
    person: String,
    language: Language,
}

#[derive(Deserialize)]
struct Update {
    update_id: i64,
    #[serde(default)]
    callback_query: Option<Pressed>,
    #[serde(default)]
    message: Option<Message>,
}

/// A button was pressed.
#[derive(Deserialize)]
struct Pressed {
    id: String,
    #[serde(default)]
    data: String,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    chat: Chat,
    #[serde(default)]
    message_id: i64,
    #[serde(default)]
    text: String,
    reply_to_message: Option<Box<Self>>,
    reply_markup: Option<Markup>,
}

#[derive(Deserialize)]
struct Chat {
    id: i64,
    username: Option<String>,
}

#[derive(Deserialize)]
struct Markup {
    #[serde(default)]
    inline_keyboard: Vec<Vec<Button>>,
}

#[derive(Deserialize)]
struct Button {
    #[serde(default)]
    callback_data: String,
}

/// The bot, as long as its token is the same.
#[derive(Debug)]
struct Bot {
    receiver: Receiver,
    api: String,
    token: String,
    /// The next update to read.
    offset: i64,
}

impl Chats {
    /// The chats in which people are told; `None` where there is none.
    pub(super) fn of(care: &Care) -> Option<Self> {
        let token = care.alarms.telegram.clone()?;
        let mut people = Vec::new();
        for person in &care.people {
            for channel in &person.channels {
                if let Channel::Telegram(chat) = channel {
                    let listener = Listener {
                        person: person.name.0.clone(),
                        language: person.language,
                    };
                    people.push((chat.clone(), listener));
                }
            }
        }
        (!people.is_empty()).then_some(Self { token, people })
    }

    /// Who is told in a chat; of several, the first.
    fn listener(&self, chat: &Chat) -> Option<&Listener> {
        let id = chat.id.to_string();
        let is_it = |text: &str| {
            let name = text.strip_prefix('@');
            text == id || name.is_some_and(|name| chat.username.as_deref() == Some(name))
        };
        let found = self.people.iter().find(|(text, _)| is_it(text));
        found.map(|(_, listener)| listener)
    }
}

/// Reads answers without end.
pub(super) async fn read(ground: Ground, api: String, chats: Chats) -> Infallible {
    let mut patience = Patience::new(&ground, "Telegram");
    let mut bot = None;
    loop {
        let read = read_once(&ground, &api, &chats, &mut bot).await;
        if read.is_err() {
            bot = None;
        }
        patience.after(read).await;
    }
}

async fn read_once(
    ground: &Ground,
    api: &str,
    chats: &Chats,
    bot: &mut Option<Bot>,
) -> Result<(), SendFailure> {
    let bot = match bot {
        Some(bot) => bot,
        None => bot.insert(Bot::open(ground, api, &chats.token).await?),
    };
    let updates = bot.updates().await?;
    let Some(last) = updates.last().map(|update| update.update_id) else {
        return Ok(());
    };
    for update in updates {
        bot.take(ground, chats, update).await;
    }
    bot.offset = last + 1;
    let fact = format!("{} {}", bot.number(), bot.offset);
    super::remember(ground, FACT, &fact).await;
    Ok(())
}

impl Bot {
    async fn open(ground: &Ground, api: &str, token: &Value) -> Result<Self, SendFailure> {
        let token = value::read(token).await.map_err(SendFailure::refused)?;
        let receiver = Receiver::open("Telegram", api, &[&token], telegram::ADVICE).await?;
        let mut bot = Self {
            receiver,
            api: api.to_owned(),
            token,
            offset: 0,
        };
        // Another bot counts from elsewhere.
        let fact = super::remembered(ground, FACT).await.unwrap_or_default();
        if let Some((number, offset)) = fact.split_once(' ')
            && number == bot.number()
        {
            bot.offset = offset.parse().unwrap_or(0);
        }
        Ok(bot)
    }

    /// The number of the bot, which is no secret.
    fn number(&self) -> &str {
        self.token.split(':').next().unwrap_or_default()
    }

    async fn updates(&self) -> Result<Vec<Update>, SendFailure> {
        let mut ask = Ask::new(
            Method::POST,
            format!("{}/bot{}/getUpdates", self.api, self.token),
        );
        ask.headers = HeaderMap::from_iter([(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static("application/json"),
        )]);
        let body = json!({
            "offset": self.offset,
            "timeout": HOLD_S,
            "limit": UPDATES_MAX,
            "allowed_updates": ["message", "callback_query"],
        });
        ask.body = body.to_string().into();
        ask.time = HELD;
        ask.bytes_max = UPDATES_BYTES_MAX;
        let answer = self.receiver.ask_long(ask).await?;
        let updates = telegram::result(&self.receiver, &answer)?;
        let updates = updates.as_array().cloned().unwrap_or_default();
        Ok(updates.into_iter().filter_map(understood).collect())
    }

    async fn take(&self, ground: &Ground, chats: &Chats, update: Update) {
        if let Some(pressed) = update.callback_query {
            self.take_pressed(ground, chats, pressed).await;
        } else if let Some(message) = update.message {
            self.take_message(ground, chats, message).await;
        }
    }

    async fn take_pressed(&self, ground: &Ground, chats: &Chats, pressed: Pressed) {
        let listener = pressed
            .message
            .and_then(|message| chats.listener(&message.chat));
        let (Some(listener), Some(answer)) = (listener, Answer::parse(&pressed.data)) else {
            return;
        };
        super::tell(ground, &listener.person, answer.incident).await;
        let body = json!({ "callback_query_id": pressed.id, "text": thanks(listener.language) });
        self.say("answerCallbackQuery", &body).await;
    }

    async fn take_message(&self, ground: &Ground, chats: &Chats, message: Message) {
        let Some(listener) = chats.listener(&message.chat) else {
            return;
        };
        let Some(answer) = Answer::parse(&message.text) else {
            return;
        };
        let replied = message.reply_to_message.as_deref().and_then(offered);
        let incident = answer.incident.or(replied);
        super::tell(ground, &listener.person, incident).await;
        let body = json!({
            "chat_id": message.chat.id,
            "text": thanks(listener.language),
            "reply_parameters": { "message_id": message.message_id },
        });
        self.say("sendMessage", &body).await;
    }

    /// Says thanks. The answer counts in any case.
    async fn say(&self, method: &str, body: &serde_json::Value) {
        let said = telegram::call(&self.receiver, &self.api, &self.token, method, body).await;
        if let Err(failure) = said {
            tracing::debug!(reason = failure.message, "nobody was thanked for an answer");
        }
    }
}

/// An update; one that can't be understood still has a number, so that it is not read again and again.
fn understood(update: serde_json::Value) -> Option<Update> {
    let update_id = update.get("update_id")?.as_i64()?;
    let understood = serde_json::from_value(update);
    Some(understood.unwrap_or(Update {
        update_id,
        callback_query: None,
        message: None,
    }))
}

/// The incident that the button of a message offers to look after.
fn offered(message: &Message) -> Option<i64> {
    let buttons = message.reply_markup.as_ref()?.inline_keyboard.iter();
    let answer = buttons.flatten().next()?.callback_data.as_str();
    Answer::parse(answer)?.incident
}

fn thanks(language: Language) -> &'static str {
    match language {
        Language::English => "Thank you. Nobody else is called.",
        Language::Korean => "고마워요. 다른 사람은 부르지 않을게요.",
    }
}
