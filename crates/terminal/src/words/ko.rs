//! Korean.

use tablecast_client::protocol::CloseReason as R;
use tablecast_client::{Notification as N, Who};
use tablecast_lunch::{Command, Decided, Event as E, Verdict, Voted};

use super::lang::Lang;
use crate::action::{Mistake, typed};
use crate::lunch::{News, Request, Room};

/// Korean.
pub static KOREAN: Lang = Lang {
    code: "ko",
    lunch: "점심",

    connecting: "연결 중",
    live: "연결됨",
    watching: "구경 중",
    again_in: |seconds| format!("오프라인, {seconds}초 뒤 다시 연결"),
    ended: "끝남",

    listed_you: "나",
    gone_members: |count| format!("나간 사람 {count}명"),
    behind_you: " (나)",
    behind_away: " 자리 비움",
    behind_host: " 방장",
    behind_voted: " 투표함",

    seats_taken: |taken, seats| format!("{seats}자리 중 {taken}명"),
    voted_of: |voted, members| format!("투표 {voted}/{members}"),
    time_left: |time| format!("{time} 남음"),
    decides_in: |time| format!("마감까지 {time}"),
    hidden_votes: "비밀 투표",
    open_votes: "공개 투표",
    votes_each: |count| format!("한 사람 {count}표"),
    any_votes: "표 수 제한 없음",
    locked: "방장만 메뉴 변경",
    empty_menu: "아직 메뉴가 비어 있어요. 먹고 싶은 것을 쓰고 Enter를 누르세요.",
    added_by: |name| format!("{name} 님 추가"),
    votes: |count| format!("{count}표"),
    vetoes: |count| format!("{count}명 못 먹어요"),
    vetoed_by: |names| format!("못 먹어요: {names}"),
    decided: "결정",

    placeholder: "추가할 것을 쓰세요",
    keys_wide: "Enter 투표  ^X 빼기  ^Z 되돌리기  /decide  /draw  F1 도움말  ^C 나가기",
    keys_narrow: "Enter 투표  ^X 빼기  F1 도움  ^C 나감",
    press_to_end: "Enter 끝내기, ^R 재시도, /again 새 방",
    help_goes_on: "위, 아래: 더 보기   Esc: 닫기",
    help_ends: "Esc: 닫기",

    silent: "서버가 응답하지 않아요",
    lost: "연결이 끊겼어요",
    gone: "방이 없어졌어요. 시간이 다 됐거나 서버가 방을 잃어버렸어요",
    garbled: |what| format!("서버와 말이 통하지 않아요: {what}"),
    outdated: "서버가 이 프로그램보다 새 버전이에요. 프로그램을 업데이트하세요. 여기에는 일부만 보일 수 있어요",
    closed: |reason| match reason {
        R::Left => "방에서 나왔어요",
        R::Dismissed => "나가 달라는 요청을 받았어요",
        R::RoomFull => "자리가 다 찼어요. 자리가 나면 들어갈게요",
        R::NoSuchRoom => "없는 방이거나 시간이 다 된 방이에요. `tablecast create`로 새로 만드세요",
        R::Closed => "방이 닫혔어요",
        R::Expired => "시간이 다 돼서 방이 닫혔어요",
        R::TakenOver => "지금은 다른 창에서 들어와 있어요",
        R::Restarting => "서버가 다시 시작하고 있어요",
        R::BadSeat => "자리를 잃었어요",
        R::Unavailable => "저장소에 연결할 수 없어요",
        R::NoPong => "응답 신호가 오지 않았어요",
        R::TooSlow => "받는 속도가 너무 느렸어요",
        R::TooMany => "명령이 너무 많았어요",
        R::Protocol | R::Binary | R::NotUtf8 | R::TooBig | R::BadProtocol => reason.text(),
    },

    nothing_removed: "뺀 메뉴가 없어요",
    nothing_past: "지난 결정이 없어요",

    drawing_among: |candidates, added| format!("뽑는 중: 후보 {candidates}개, {added}명 참여"),
    decided_with: |item, votes| format!("결정: {item}, {votes}"),
    by_deadline: ", 마감 시간에 결정",
    drawn: |item| format!("뽑기 결과: {item}"),
    drawn_of: |item, candidates, added, verdict| {
        format!("뽑기: {item}, 후보 {candidates}개, {added}명 참여, {verdict}")
    },
    verdict: |verdict| match verdict {
        None => "확인 안 됨",
        Some(Verdict::Fair) => "검증됨",
        Some(Verdict::AddsUp) => "계산은 맞지만 내가 오기 전에 시작됨",
        Some(Verdict::WithoutYours) => "검증됨, 내 무작위 값은 빠짐",
        Some(Verdict::ServerAlone) => "서버의 비밀 값만으로 결정됨",
        Some(Verdict::OtherSecret) => "공정하지 않음: 약속한 비밀 값과 다름",
        Some(Verdict::OtherWinner) => "공정하지 않음: 계산 결과가 다름",
    },

    mistake: |mistake| {
        match mistake {
        Mistake::NoItem => "/add 뒤에 추가할 것을 쓰세요. 예: /add 피자".to_owned(),
        Mistake::NoName => "/name 뒤에 이름을 쓰세요. 예: /name 미나".to_owned(),
        Mistake::NoColour => "/colour 뒤에 0부터 11까지의 숫자를 쓰세요".to_owned(),
        Mistake::NoNumber(word) => format!("{word} 뒤에 항목 번호를 쓰세요. 예: {word} 2"),
        Mistake::NoTime => "/deadline 뒤에 시각이나 시간을 쓰세요. 예: /deadline 12:30, /deadline 20m, 없애려면 /deadline off".to_owned(),
        Mistake::NoRule => "/rules hidden on|off 또는 /rules votes 숫자|any".to_owned(),
        Mistake::NoMember(word) => format!("/{word} 뒤에 이름을 쓰세요. 예: /{word} 미나"),
        Mistake::NoCommand(word) => format!(
            "/{word} 명령은 없어요. 명령 목록은 /help, 그대로 추가하려면 앞에 /를 하나 더 쓰세요"
        ),
    }
    },
    nobody_called: |name| format!("{name} 님은 여기에 없어요"),
    several_called: |name, ids| format!("{name} 님이 여러 명이에요. 번호로 고르세요: {ids}"),
    not_here_yet: "아직 방에 들어가지 못했어요",
    nothing_to_undo: "되돌릴 것이 없어요",
    too_much_pasted: "한 줄로는 너무 길어서 넣지 않았어요",
    not_utf8: "UTF-8이 아니에요. `iconv -t UTF-8`로 바꾸세요",
    line_too_long: |most| format!("한 줄은 {most}바이트까지예요"),
    line_not_said: |number, begin, why| {
        format!("{number}번째 줄 \"{begin}\": 보내지 못했어요. {why}")
    },

    voted_instead: |item| format!("{} 이미 있어서 거기에 투표했어요", with(item, "은", "는")),
    on_its_way: |item| format!("이미 보내는 중이에요: {item}"),
    waiting: |count| format!("{count}개 보내는 중"),
    not_sent: |asks| format!("보내지 못했어요: {asks}"),
    and_more: |count| format!("그 밖에 {count}개"),
    refusal: |code, ask| {
        Some(match code {
            "not_found" => match ask {
                Some(Request::Command(Command::Host(_) | Command::Dismiss(_))) => {
                    "이제 여기에 없는 사람이에요"
                }
                Some(Request::Command(Command::Restore(_) | Command::Reinstate(_))) => {
                    "그런 번호는 없어요"
                }
                _ => "이제 메뉴에 없어요",
            },
            "menu_full" => "메뉴가 가득 찼어요. 먼저 하나를 빼세요",
            "votes_full" => "이 항목에는 더 투표할 수 없어요",
            "empty" => "보이는 글자가 없어요",
            "too_long" => "너무 길어요",
            "bad_item" => "쓸 수 없는 글자가 있어요",
            "nothing_to_decide" => "모두가 먹을 수 있는 메뉴가 없어서 정할 수 없어요",
            "host_only" => "방장만 할 수 있어요",
            "vetoed" => "그때 정한 메뉴를 못 먹는 사람이 있어요",
            "no_host" => "지금은 방장이 없어요",
            "bad_deadline" => "마감은 5초 뒤부터 24시간 뒤까지 정할 수 있어요",
            "too_late" => "방이 그때까지 열려 있지 않아요",
            "too_soon" => "방금 재촉했어요. 1분에 한 번만 할 수 있어요",
            "votes_spent" => "쓸 수 있는 표를 다 썼어요. 먼저 하나를 취소하세요",
            "too_many_votes" => "이미 투표한 사람이 있어서 줄일 수 없어요",
            "votes_hidden" => "이미 비밀로 투표한 사람이 있어요. 정해진 뒤에 바꿀 수 있어요",
            "watching" => "구경 중이라 바꿀 수 없어요",
            "not_yet" => "서버가 업데이트 중이에요. 잠시 뒤 다시 해 보세요",
            "drawing" => "이미 뽑는 중이에요",
            "outdated" | "conflict" => "반영되지 않았을 수 있어요",
            _ => return None,
        })
    },

    notification: |lang, notification, room| match notification {
        N::Joined(who) => format!("{}들어왔어요", subject(who)),
        N::Back(who) => format!("{}돌아왔어요", subject(who)),
        N::Away(who) => format!("{}자리를 비웠어요", subject(who)),
        N::Left(who) => format!("{}나갔어요", subject(who)),
        N::Renamed(who, name) => format!("{}이름을 {} 바꿨어요", subject(who), towards(name)),
        N::Change(who, news) => {
            let who = who.as_ref().unwrap_or(&Who::Nobody);
            changed(lang, &subject(who), news, room)
        }
        N::Watching(true) => "자리 없이 구경하고 있어요".to_owned(),
        N::Watching(false) => "이제 자리가 생겼어요".to_owned(),
        N::Snapshot => String::new(),
        N::Refused(refusal, ask) => lang.refused(refusal, ask.as_ref()),
        N::Unsure(asks) => format!(
            "자리를 잃었어요. 반영됐는지 확인하세요: {}",
            lang.asks(asks)
        ),
        N::TooMany(ask) => format!("{}: 보낼 것이 너무 많이 밀려 있어요", typed(ask)),
        N::Store(false) => {
            "저장소에 연결할 수 없어요. 그동안에는 아무것도 바뀌지 않아요".to_owned()
        }
        N::Store(true) => "저장소에 다시 연결됐어요".to_owned(),
        N::Outdated(_) => lang.outdated.to_owned(),
    },

    numbered: &[
        ("/vote N, /unvote N", "N번에 투표, 취소"),
        ("/remove N", "빼기"),
        ("/list", "메뉴"),
    ],
    commands: &[
        ("아무 글", "추가, 이미 있으면 투표"),
        ("/undo", "뺀 것 되돌리기"),
        ("/decide", "투표로, 동점이면 뽑기"),
        ("/draw", "모두를 놓고 뽑기"),
        ("/title 제목", "방 제목"),
        ("/name 이름", "내 이름 바꾸기"),
        ("/colour 0-11", "내 색 바꾸기"),
        ("/deadline T", "T: 12:30, 20m, off"),
        ("/nudge", "투표해 달라고 재촉"),
        ("/veto 메뉴", "못 먹어요"),
        ("/unveto 메뉴", "먹을 수 있어요"),
        ("/rules", "hidden on, off; votes N"),
        ("/lock", "메뉴는 방장만"),
        ("/unlock", "메뉴는 다시 누구나"),
        ("/host 이름", "방장 넘기기"),
        ("/dismiss 이름", "내보내기"),
        ("/removed", "뺀 메뉴 보기"),
        ("/restore N", "그중 하나 다시 넣기"),
        ("/past", "지난 결정 보기"),
        ("/reinstate N", "그 결정으로 다시 정하기"),
        ("/again", "같은 메뉴로 다음 방"),
        ("/extend", "시간 늘리기"),
        ("/members", "들어와 있는 사람"),
        ("/link", "방 주소"),
        ("/retry", "오프라인일 때 지금 연결"),
        ("/help", "이 도움말"),
        ("/quit", "나가기"),
    ],
    keys: &[
        ("위, 아래", "항목 고르기"),
        ("Enter", "투표, 다시 누르면 취소"),
        ("Delete, ^X", "빼기"),
        ("^Z", "뺀 것 되돌리기"),
        ("^R", "오프라인일 때 지금 연결"),
        ("F1, ^G", "이 도움말"),
        ("^C, ^D", "나가기"),
    ],

    person_not_kept: |why| {
        format!("내 비밀 키를 저장할 수 없어서 이번에는 새로운 사람으로 들어가요: {why}")
    },
    person_was_open: |path| {
        format!(
            "다른 사람이 {path} 파일을 읽고 나인 척할 수 있었어요. 이제 나만 읽을 수 있게 바꿨어요. 새로운 사람이 되려면 파일을 지우세요"
        )
    },
    person_damaged: |path| {
        format!(
            "{path} 파일이 망가졌어요. 소문자 16진수 32자리여야 해요. 파일을 지우면 새로운 사람이 되고, --guest로 이번만 손님이 될 수도 있어요"
        )
    },

    too_narrow: "(터미널이 좁아서 QR 코드를 그릴 수 없어요)",
    only_here: "휴대폰에서는 열 수 없어요. 이 주소는 이 컴퓨터에서만 통해요.",
    some_address: "주소",
    listen_to_all: |port, site| {
        format!(
            "서버를 --listen 0.0.0.0:{port} 옵션으로 실행한 다음: tablecast create --server {site}"
        )
    },
    in_a_browser: "브라우저:",
    in_a_terminal: "터미널:",
    by_hand: "직접:",
};

/// With the blank behind it. Who speaks of themselves leaves it out.
fn subject(who: &Who) -> String {
    match who {
        Who::You => String::new(),
        Who::Other(name) => format!("{name} 님이 "),
        Who::Nobody => "누군가 ".to_owned(),
    }
}

fn changed(lang: &Lang, who: &str, news: &News, room: Option<&Room>) -> String {
    let News { event, item, votes } = news;
    let object = || with(item, "을", "를");
    match event {
        E::Voted(Voted::Hidden { any: true, .. }) => format!("{who}투표했어요"),
        E::Voted(Voted::Hidden { .. }) => format!("{who}투표를 모두 취소했어요"),
        E::Deadline { at: Some(at), .. } => {
            let at = lang.time_of_day(*at, room);
            format!("{who}마감을 {} 정했어요", towards(&at))
        }
        E::Deadline { name: Some(_), .. } => format!("{who}마감을 없앴어요"),
        E::Deadline { .. } => "마감 시간이 됐지만 정할 메뉴가 없었어요".to_owned(),
        E::Nudged { .. } => format!("{who}투표해 달라고 해요"),
        E::Vetoed { on: true, .. } => format!("{who}{} 못 먹어요", with(item, "은", "는")),
        E::Vetoed { .. } => format!("{who}이제 {} 먹을 수 있어요", with(item, "은", "는")),
        E::Ruled(ruled) => format!("{who}규칙을 바꿨어요: {}", lang.rules(ruled.rules)),
        E::Locked { on: true, .. } => format!("{who}메뉴를 잠갔어요"),
        E::Locked { .. } => format!("{who}메뉴를 다시 열었어요"),
        E::Hosted { member, .. } => match member {
            Some(member) => format!("지금 방장: {}", lang.called(room, *member)),
            None => "이제 방장이 없어요".to_owned(),
        },
        E::Dismissed { member, .. } => {
            format!("{who}나가 달라고 했어요: {}", lang.called(room, *member))
        }
        E::Reinstated { .. } => format!("{who}{} 다시 정했어요", towards(item)),
        E::Added { .. } => format!("{who}{} 추가했어요", object()),
        E::Removed { .. } => format!("{who}{} 뺐어요", object()),
        E::Restored(_) => format!("{who}{} 다시 넣었어요", object()),
        E::Voted(Voted::For { on: true, .. }) => format!("{who}{item}에 투표했어요: {votes}표"),
        E::Voted(_) => format!("{who}{item} 투표를 취소했어요: {votes}표"),
        E::Titled { title } => match title {
            Some(title) => format!("{who}방 제목을 {} 정했어요", towards(title)),
            None => format!("{who}방 제목을 지웠어요"),
        },
        E::Extended {} => format!("{who}시간을 늘렸어요"),
        E::Drawing(began) => match (began.candidates.len(), &began.name) {
            (count, Some(_)) => format!("{who}후보 {count}개로 뽑기를 시작했어요"),
            (count, None) => format!("마감 시간에 동점이라 후보 {count}개로 뽑아요"),
        },
        E::Decided(decided) => match **decided {
            Decided::Votes { .. } => format!("투표 결과: {item}"),
            Decided::Draw { .. } => (KOREAN.drawn)(item),
        },
        // They are no news.
        E::Contributed { .. } | E::Cleared { .. } => String::new(),
    }
}

/// A word with the particle that fits its last sound: after a consonant, or after a vowel.
fn with(word: &str, closed: &str, open: &str) -> String {
    let particle = if final_sound(word) == 0 { open } else { closed };
    format!("{word}{particle}")
}

/// A word with 로 or 으로: ㄹ counts as a vowel there.
fn towards(word: &str) -> String {
    match final_sound(word) {
        8 => format!("{word}로"),
        _ => with(word, "으로", "로"),
    }
}

/// The number of the consonant that a word ends with when it is spoken; 0 means none, or unknown.
fn final_sound(word: &str) -> u32 {
    // Brackets, signs and pictures at the end are not spoken.
    match word.chars().rfind(|c| c.is_alphanumeric()) {
        Some(syllable @ '가'..='힣') => (u32::from(syllable) - u32::from('가')) % 28,
        // 일, 칠, 팔, 엘.
        Some('1' | '7' | '8' | 'l' | 'L') => 8,
        // 영, 삼, 육, 엠, 엔.
        Some('0' | '3' | '6' | 'm' | 'M' | 'n' | 'N') => 16,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn particles_follow_the_last_sound() {
        for (word, object) in [
            ("라면", "라면을"),
            ("김치찌개 (매운 것)", "김치찌개 (매운 것)을"),
            ("김치찌개!", "김치찌개!를"),
            ("세트 3", "세트 3을"),
            ("세트 2", "세트 2를"),
            ("pizza", "pizza를"),
            ("", "를"),
        ] {
            assert_eq!(with(word, "을", "를"), object);
        }
        let all = ["비빔밥", "칼국수", "쌀", "pho"].map(towards);
        assert_eq!(all, ["비빔밥으로", "칼국수로", "쌀로", "pho로"]);
    }
}
