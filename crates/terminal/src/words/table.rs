//! The table of texts: what stands behind a name is English, then Korean. A text with values is a
//! function of them.

use std::fmt::Display;

use super::Lang;

macro_rules! texts {
    ($($name:ident $(($($value:ident),*))?: $english:literal, $korean:literal;)*) => {
        impl Lang {
            $(pub(crate) fn $name(self $(, $($value: impl Display),*)?) -> String {
                match self {
                    Lang::English => format!($english),
                    Lang::Korean => format!($korean),
                }
            })*
        }
    };
}

/// What can be typed or pressed, and what it does.
macro_rules! helps {
    ($($name:ident {
        $($typed:literal $does:literal, $typed_korean:literal $does_korean:literal;)*
    })*) => {
        impl Lang {
            $(pub(crate) fn $name(self) -> &'static [(&'static str, &'static str)] {
                self.pick(
                    &[$(($typed, $does)),*],
                    &[$(($typed_korean, $does_korean)),*],
                )
            })*
        }
    };
}

texts! {
    lunch: "Lunch", "점심";

    // Whether there is a connection.
    connecting: "connecting", "연결 중";
    live: "live", "연결됨";
    again_in(wait): "offline, again in {wait} s", "오프라인, {wait}초 뒤 다시";
    ended: "ended", "끝남";

    // Somebody, as the subject of a sentence, and in a list.
    subject_you: "You", "내가";
    subject(name): "{name}", "{name} 님이";
    somebody: "Somebody", "누군가";
    listed_you: "you", "나";
    gone_members(count): "{count} who left", "나간 사람 {count}명";

    // Behind a name: one's own, that of somebody who is not connected; behind an item.
    you: " (you)", " (나)";
    away: " away", " 자리비움";
    decided: "decided", "결정";
    placeholder: "type to add", "추가할 것을 쓰세요";
    press_to_end: "Enter or ^C ends, ^R tries again", "Enter나 ^C로 끝내기, ^R로 다시 시도";
    empty_menu: "Nothing on the menu yet. Type what you would like, and Enter.",
        "아직 메뉴가 비어 있습니다. 먹고 싶은 것을 쓰고 Enter를 누르세요.";
    not_here_yet: "you are not in the room yet", "아직 방에 들어가지 못했습니다";
    nothing_to_undo: "you have removed nothing", "뺀 것이 없습니다";
    too_much_pasted: "that is too long for a line; nothing of it was taken",
        "한 줄에 넣기에는 너무 깁니다. 넣지 않았습니다";

    // The last line of the screen, for wide ones and narrow ones; below the help.
    keys_wide: "Enter vote  ^X remove  ^Z undo  /decide  /draw  F1 help  ^C leave",
        "Enter 투표  ^X 빼기  ^Z 되돌리기  /decide  /draw  F1 도움말  ^C 나가기";
    keys_narrow: "Enter vote  ^X remove  F1 help  ^C quit", "Enter 투표  ^X 빼기  F1 도움  ^C 나감";
    help_goes_on: "Up, Down: more   Esc: back", "위, 아래: 더 보기   Esc: 닫기";
    help_ends: "Esc: back", "Esc: 닫기";

    store_down: "the store cannot be reached: nothing changes until it answers",
        "저장소에 닿지 않습니다. 응답할 때까지 아무것도 바뀌지 않습니다";
    store_up: "the store answers again", "저장소가 다시 응답합니다";

    // Why there is no connection.
    silent: "the server does not answer", "서버가 응답하지 않습니다";
    lost: "the connection was lost", "연결이 끊어졌습니다";
    gone: "the room is gone: its time was up, or the server has lost it",
        "방이 없어졌습니다. 시간이 다 됐거나 서버가 방을 잃었습니다";
    you_left: "you left", "나갔습니다";
    room_full: "the room is full; you are let in when a seat is free",
        "방이 꽉 찼습니다. 자리가 나면 들어갑니다";
    no_such_room: "there is no such room, or it has expired: `tablecast create` makes another",
        "없는 방이거나 시간이 다 된 방입니다. `tablecast create`로 새로 만드세요";
    expired: "the room has expired", "방의 시간이 다 됐습니다";
    taken_over: "this seat is used by a newer connection", "다른 곳에서 이 자리에 접속했습니다";
    restarting: "the server restarts", "서버가 다시 시작합니다";
    bad_seat: "the seat was given up", "자리를 잃었습니다";
    unavailable: "the store cannot be reached", "저장소에 닿지 않습니다";
    no_pong: "no sign of life came", "신호가 없었습니다";
    too_slow: "it was read too slowly", "너무 느리게 읽었습니다";
    too_many: "too many commands", "명령이 너무 많았습니다";

    // Whether a draw can be believed.
    unchecked: "not checked", "확인 안 됨";
    fair: "verified", "검증됨";
    adds_up: "adds up, but began before you came", "계산은 맞지만 오기 전에 시작됨";
    without_yours: "verified, but without your chance", "검증됨, 내 몫은 빠짐";
    other_secret: "NOT FAIR: not the secret that was promised", "공정하지 않음: 약속한 비밀값과 다름";
    other_winner: "NOT FAIR: the numbers lead to another item", "공정하지 않음: 계산 결과가 다름";

    // Lines that are not understood.
    no_item: "/add needs something to add, as in /add pizza", "/add 뒤에 추가할 것을 쓰세요. 예: /add 피자";
    no_name: "/name needs a name, as in /name Mina", "/name 뒤에 이름을 쓰세요. 예: /name 미나";
    no_colour: "/colour needs a number from 0 to 11", "/colour 뒤에 0부터 11까지의 숫자를 쓰세요";
    not_utf8: "it is not UTF-8; `iconv -t UTF-8` makes it so", "UTF-8이 아닙니다. `iconv -t UTF-8`로 바꾸세요";

    one_vote: "1 vote", "1표";
    many_votes(count): "{count} votes", "{count}표";
    added_by(name): "from {name}", "{name} 님 추가";
    time_left(time): "{time} left", "{time} 남음";
    seats_taken(taken, seats): "{taken} of {seats} here", "{seats}자리 중 {taken}명";
    garbled(what): "server and client do not understand each other: {what}", "서버와 말이 통하지 않습니다: {what}";

    drawing_among(candidates, added): "Drawing among {candidates}: {added} took part so far",
        "뽑는 중: 후보 {candidates}개, {added}명 참여";
    decided_with(item, votes): "Decided: {item}, with {votes}", "결정: {item}, {votes}";
    drawn_of(item, candidates, added, verdict): "Drawn: {item}, 1 of {candidates}, {added} took part, {verdict}",
        "뽑기: {item}, 후보 {candidates}개, {added}명 참여, {verdict}";

    // Commands.
    and_more(count): "{count} more", "그 밖에 {count}개";
    not_sent(asks): "not sent: {asks}", "보내지 못함: {asks}";
    waiting(count): "{count} not sent yet", "{count}개 보내는 중";
    unsure(asks): "the seat was lost; look whether this was done: {asks}",
        "자리를 잃었습니다. 반영됐는지 확인하세요: {asks}";
    too_much_waits(ask): "{ask}: too much is waiting to be sent", "{ask}: 보낼 것이 너무 많습니다";
    voted_instead(item): "{item} is on the menu already; your vote is for it",
        "이미 메뉴에 있습니다: {item}. 대신 투표했습니다";
    on_its_way(item): "{item} is on its way already", "이미 보내는 중입니다: {item}";
    no_command(word): "there is no {word}: /help lists what there is, // in front adds it",
        "{word} 명령은 없습니다. 목록은 /help, 그대로 추가하려면 // 로 쓰세요";
    no_number(word): "{word} needs the number of an item, as in {word} 2", "{word} 뒤에 항목 번호를 쓰세요. 예: {word} 2";
    line_too_long(most): "a line has at most {most} bytes", "한 줄은 {most}바이트까지입니다";
    line_not_said(number, begin, why): "line {number}, \"{begin}\", was not said: {why}",
        "{number}번째 줄 \"{begin}\": {why}";

    // What `create` prints.
    in_a_browser: "in a browser:", "브라우저:";
    in_a_terminal: "in a terminal:", "터미널:";
    by_hand: "by hand:", "직접:";
    too_narrow: "(the terminal is too narrow for the QR code)", "(터미널이 좁아 QR 코드를 그릴 수 없습니다)";
    only_here: "Phones cannot open it: this address leads to this machine alone.",
        "휴대폰에서는 열 수 없습니다. 이 주소는 이 컴퓨터에서만 통합니다.";
    some_address: "ADDRESS", "주소";
    listen_to_all(port, other): "Run the server with --listen 0.0.0.0:{port}, and then: tablecast create --server {other}",
        "서버를 --listen 0.0.0.0:{port} 으로 실행한 뒤: tablecast create --server {other}";

    // What happened.
    joined(who): "{who} joined", "{who} 들어왔습니다";
    back(who): "Back again: {who}", "{who} 돌아왔습니다";
    went_away(who): "Away: {who}", "{who} 자리를 비웠습니다";
    left_room(who): "{who} left", "{who} 나갔습니다";
    renamed(who, name): "{who} took the name {name}", "{who} 이름을 {name} (으)로 바꿨습니다";
    added(who, item): "{who} added {item}", "{who} 추가: {item}";
    removed(who, item): "{who} removed {item}", "{who} 뺌: {item}";
    restored(who, item): "{who} put {item} back", "{who} 되돌림: {item}";
    voted(who, item, votes): "{who} voted for {item}: {votes}", "{who} 투표: {item}, {votes}";
    unvoted(who, item, votes): "{who} took a vote from {item}: {votes}", "{who} 투표 취소: {item}, {votes}";
    titled(who, title): "{who} named the room {title}", "{who} 방 제목을 정했습니다: {title}";
    untitled(who): "{who} took the room's name away", "{who} 방 제목을 지웠습니다";
    extended(who): "{who} extended the time", "{who} 시간을 늘렸습니다";
    draw_began(who, count): "{who} began a draw among {count}", "{who} 뽑기를 시작했습니다: 후보 {count}개";
    decided_by_votes(item): "Decided by votes: {item}", "투표로 결정: {item}";
    drawn(item): "Drawn: {item}", "뽑기로 결정: {item}";
}

helps! {
    // What is typed where no list can be chosen from.
    numbered {
        "/vote N, /unvote N" "for the item with this number", "/vote N, /unvote N" "N번에 투표, 취소";
        "/remove N" "take an item away", "/remove N" "빼기";
        "/list" "the menu", "/list" "메뉴";
    }
    // What can be typed in both modes.
    commands {
        "WORDS" "add, or vote if it exists", "아무 글" "추가, 이미 있으면 투표";
        "/undo" "put back what you removed", "/undo" "뺀 것 되돌리기";
        "/decide" "most votes win, or a draw", "/decide" "투표로, 동점이면 뽑기";
        "/draw" "draw among all", "/draw" "모두를 놓고 뽑기";
        "/title TEXT" "name the room", "/title 제목" "방 제목";
        "/name NAME" "change your name", "/name 이름" "내 이름 바꾸기";
        "/colour 0-11" "change your colour", "/colour 0-11" "내 색 바꾸기";
        "/extend" "the whole time again", "/extend" "시간 늘리기";
        "/members" "who is here", "/members" "들어와 있는 사람";
        "/link" "the room's address", "/link" "방 주소";
        "/retry" "connect now, when offline", "/retry" "오프라인일 때 지금 연결";
        "/help" "this help", "/help" "이 도움말";
        "/quit" "leave", "/quit" "나가기";
    }
    // The keys of the full screen.
    keys {
        "Up, Down" "choose an item", "위, 아래" "항목 고르기";
        "Enter" "vote, or take it back", "Enter" "투표, 다시 누르면 취소";
        "Delete or ^X" "remove it", "Delete, ^X" "빼기";
        "^Z" "put back what you removed", "^Z" "뺀 것 되돌리기";
        "^R" "try now, when offline", "^R" "오프라인일 때 지금 연결";
        "F1 or ^G" "this help", "F1, ^G" "이 도움말";
        "^C or ^D" "leave", "^C, ^D" "나가기";
    }
}
