//! The help inside a room.

use super::Lang;

impl Lang {
    /// What can be typed in both modes.
    pub fn commands(self) -> &'static [(&'static str, &'static str)] {
        self.pick(
            &[
                ("WORDS", "add this, or vote for it if it is there"),
                ("/vote N, /unvote N", "for the item with this number"),
                ("/remove N, /undo", "take an item away, put it back"),
                ("/decide", "most votes win; a tie is drawn"),
                ("/draw", "draw among all, by lot"),
                ("/title TEXT", "name the room"),
                ("/name NAME", "change your name"),
                ("/colour 0-11", "change your colour"),
                ("/extend", "give the room its whole time again"),
                ("/list, /who, /link", "menu, members, address"),
                ("/quit", "leave"),
            ],
            &[
                ("아무 글", "메뉴에 추가, 이미 있으면 투표"),
                ("/vote N, /unvote N", "N번에 투표, 취소"),
                ("/remove N, /undo", "빼기, 되돌리기"),
                ("/decide", "투표로 결정, 동점이면 추첨"),
                ("/draw", "모두를 놓고 추첨"),
                ("/title 제목", "방 제목"),
                ("/name 이름", "내 이름 바꾸기"),
                ("/colour 0-11", "내 색 바꾸기"),
                ("/extend", "시간 늘리기"),
                ("/list, /who, /link", "메뉴, 사람들, 주소"),
                ("/quit", "나가기"),
            ],
        )
    }

    /// The keys of the full screen.
    pub fn keys(self) -> &'static [(&'static str, &'static str)] {
        self.pick(
            &[
                ("Up, Down", "choose an item"),
                ("Enter", "vote for it, or take the vote back"),
                ("Delete or ^X", "remove it"),
                ("^Z", "put back what you removed"),
                ("^R", "when offline: try now"),
                ("F1 or ^G", "this help"),
                ("^C or ^D", "leave"),
            ],
            &[
                ("위, 아래", "항목 고르기"),
                ("Enter", "투표하기, 다시 누르면 취소"),
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
                "Enter 투표  ^X 빼기  ^Z 되돌리기  /decide 결정  /draw 추첨  F1 도움말  ^C 나가기",
            ),
            false => self.pick(
                "Enter vote  ^X remove  F1 help  ^C leave",
                "Enter 투표  ^X 빼기  F1 도움  ^C 나감",
            ),
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
