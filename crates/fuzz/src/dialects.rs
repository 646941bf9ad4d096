//! Messages in both dialects: of a client to the server, and of a server to a client.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tablecast::fuzzing::{first, later};
use tablecast_core::App;
use tablecast_lunch::{Command, Event, Menu, Table};
use tablecast_protocol::client::{Numbered, Request};
use tablecast_protocol::{Known, MAX_SAFE_INTEGER, Push};

use crate::menu;

/// A server's message.
type Said = Push<'static, Table, Event>;

/// The same, as a client reads it.
type Lenient = Known<Push<'static, Table, Known<Event>>>;

/// The input is one message, which everybody reads who reads any.
///
/// # Panics
/// A message that was read, written and read again is another one; a refusal has no known code
/// or grows with what is refused; or a command breaks the room.
pub fn check(input: &[u8]) {
    // The codec lets nothing else pass.
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    match first(text) {
        Ok(message) => assert_eq!(first(&written(&message)), Ok(message)),
        Err(rejection) => menu::told(&rejection),
    }
    match later::<Command>(text) {
        Ok(message) => {
            assert!((1..=MAX_SAFE_INTEGER).contains(&message.id));
            assert_eq!(later(&written(&message)).as_ref(), Ok(&message));
            let Numbered { id, request } = message;
            menu::decide(&mut menu::room(), id, &request);
        }
        Err(rejection) => menu::told(&rejection),
    }
    match Menu::text_command(text) {
        Ok(command) => menu::decide(&mut menu::room(), 9, &Request::Command(command)),
        Err(rejection) => menu::told(&rejection),
    }
    // A newer server may say more, which must not break a client either.
    let lenient = serde_json::from_str::<Lenient>(text);
    if let Ok(said) = serde_json::from_str::<Said>(text) {
        assert!(matches!(lenient, Ok(Known(Some(_)))));
        let again = written(&said);
        assert_eq!(read::<Said>(&again), said, "{again}");
    }
}

fn written(message: &impl Serialize) -> String {
    match serde_json::to_string(message) {
        Ok(text) => text,
        Err(error) => panic!("what was read cannot be written: {error}"),
    }
}

fn read<T: DeserializeOwned>(text: &str) -> T {
    match serde_json::from_str(text) {
        Ok(message) => message,
        Err(error) => panic!("what was written is not read: {error}: {text}"),
    }
}
