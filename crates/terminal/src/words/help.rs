//! The help inside a room.

use super::Lang;

impl Lang {
    /// What is typed where no list can be chosen from.
    pub fn numbered(self) -> &'static [(&'static str, &'static str)] {
        self.pick(
            &[
                ("/vote N, /unvote N", "for the item with this number"),
                ("/remove N", "take an item away"),
                ("/list", "the menu"),
            ],
            &[
                ("/vote N, /unvote N", "N번에 투표, 취소"),
                ("/remove N", "빼기"),
                ("/list", "메뉴"),
            ],
        )
    }

    /// What can be typed in both modes.
    pub fn commands(self) -> &'static [(&'static str, &'static str)] {
        self.pick(
            &[
                ("WORDS", "add, or vote if it exists"),
                ("/undo", "put back what you removed"),
                ("/decide", "most votes win, or a draw"),
                ("/draw", "draw among all"),
                ("/title TEXT", "name the room"),
                ("/name NAME", "change your name"),
                ("/colour 0-11", "change your colour"),
                ("/extend", "the whole time again"),
                ("/members", "who is here"),
                ("/link", "the room's address"),
                ("/retry", "connect now, when offline"),
                ("/help", "this help"),
                ("/quit", "leave"),
            ],
            &[
                ("아무 글", "추가, 이미 있으면 투표"),
                ("/undo", "뺀 것 되돌리기"),
                ("/decide", "투표로, 동점이면 뽑기"),
                ("/draw", "모두를 놓고 뽑기"),
                ("/title 제목", "방 제목"),
                ("/name 이름", "내 이름 바꾸기"),
                ("/colour 0-11", "내 색 바꾸기"),
                ("/extend", "시간 늘리기"),
                ("/members", "들어와 있는 사람"),
                ("/link", "방 주소"),
                ("/retry", "오프라인일 때 지금 연결"),
                ("/help", "이 도움말"),
                ("/quit", "나가기"),
            ],
        )
    }

    /// The keys of the full screen.
    pub fn keys(self) -> &'static [(&'static str, &'static str)] {
        self.pick(
            &[
                ("Up, Down", "choose an item"),
                ("Enter", "vote, or take it back"),
                ("Delete or ^X", "remove it"),
                ("^Z", "put back what you removed"),
                ("^R", "try now, when offline"),
                ("F1 or ^G", "this help"),
                ("^C or ^D", "leave"),
            ],
            &[
                ("위, 아래", "항목 고르기"),
                ("Enter", "투표, 다시 누르면 취소"),
                ("Delete, ^X", "빼기"),
                ("^Z", "뺀 것 되돌리기"),
                ("^R", "오프라인일 때 지금 연결"),
                ("F1, ^G", "이 도움말"),
                ("^C, ^D", "나가기"),
            ],
        )
    }

    /// The line at the bottom; the shorter one for narrow screens.
    pub fn help_line(self, is_wide: bool) -> &'static str {
        match is_wide {
            true => self.pick(
                "Enter vote  ^X remove  ^Z undo  /decide  /draw  F1 help  ^C leave",
                "Enter 투표  ^X 빼기  ^Z 되돌리기  /decide  /draw  F1 도움말  ^C 나가기",
            ),
            false => self.pick(
                "Enter vote  ^X remove  F1 help  ^C quit",
                "Enter 투표  ^X 빼기  F1 도움  ^C 나감",
            ),
        }
    }

    /// Below the help; `has_more` if it does not fit on the screen.
    pub fn help_keys(self, has_more: bool) -> &'static str {
        match has_more {
            true => self.pick(
                "Up, Down: more   Esc: back",
                "위, 아래: 더 보기   Esc: 닫기",
            ),
            false => self.pick("Esc: back", "Esc: 닫기"),
        }
    }

    /// In the empty input.
    pub fn placeholder(self) -> &'static str {
        self.pick("type to add", "추가할 것을 쓰세요")
    }

    /// When the room is over.
    pub fn press_to_end(self) -> &'static str {
        self.pick(
            "Enter or ^C ends, ^R tries again",
            "Enter나 ^C로 끝내기, ^R로 다시 시도",
        )
    }
}
