//! What a chat shows of a link to a room: the tags in the page's head, and the words and
//! dishes of the picture.

use std::fmt::Write;

use serde::Deserialize;
use tablecast_lunch::Table;

use crate::language::Language;

/// What is known of a room. The default is for a room that is gone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Preview {
    pub(crate) title: Option<String>,
    pub(crate) dishes: Vec<String>,
    pub(crate) winner: Option<String>,
}

/// Where a page and its picture are, seen from outside: chats do not resolve relative
/// addresses.
pub(crate) struct Place {
    page: String,
    picture: String,
    /// In pixels.
    size: (u32, u32),
}

impl Place {
    /// To the page of a room.
    pub(crate) fn to_room(site: &str, id: &str) -> Self {
        let page = format!("{site}/r/{id}");
        let picture = format!("{page}/picture.png");
        Place {
            page,
            picture,
            size: (1200, 630),
        }
    }

    /// To the first page, whose picture is the icon. It is the same for all versions.
    pub(crate) fn to_home(site: &str) -> Self {
        Place {
            page: format!("{site}/"),
            picture: format!("{site}/web/0/icon-512.png"),
            size: (512, 512),
        }
    }
}

impl Preview {
    /// Of a room that lives.
    pub(crate) fn of_table(table: &Table) -> Self {
        let decision = table.settling.decision.as_deref();
        Preview {
            title: table.title.as_deref().map(str::to_owned),
            dishes: table.items.iter().map(|one| one.item.to_string()).collect(),
            winner: decision.map(|decision| decision.winner.item.to_string()),
        }
    }

    /// Of a stored result. Only what is shown is read, since an earlier version may have
    /// stored it; `None` if that is not there.
    pub(crate) fn of_result(result: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Result {
            title: Option<String>,
            decision: Decision,
            menu: Vec<Dish>,
        }
        #[derive(Deserialize)]
        struct Decision {
            winner: Dish,
        }
        #[derive(Deserialize)]
        struct Dish {
            item: String,
        }
        let result: Result = serde_json::from_slice(result).ok()?;
        Some(Preview {
            title: result.title,
            dishes: result.menu.into_iter().map(|dish| dish.item).collect(),
            winner: Some(result.decision.winner.item),
        })
    }

    /// The page's title and its tags, as markup. Without a link there is no picture.
    pub(crate) fn tags(&self, language: Language, link: Option<&Place>) -> String {
        /// Chats cut after about as many characters.
        const LONGEST: usize = 200;
        let words = Words::of(language);
        let title = self.title.as_deref().unwrap_or(words.untitled);
        let about = match (&self.winner, self.dishes.is_empty()) {
            (Some(winner), _) => format!("{} {winner}", words.today),
            (None, false) => format!("{}: {}", words.invitation, self.dishes.join(", ")),
            (None, true) => words.pitch.to_owned(),
        };
        let about: String = about.chars().take(LONGEST).collect();
        let (title, about) = (escaped(title), escaped(&about));
        let mut tags = format!(
            "<title>{title} – Tablecast</title>\n\
             <meta name=\"description\" content=\"{about}\">\n\
             <meta property=\"og:type\" content=\"website\">\n\
             <meta property=\"og:site_name\" content=\"Tablecast\">\n\
             <meta property=\"og:locale\" content=\"{}\">\n\
             <meta property=\"og:title\" content=\"{title}\">\n\
             <meta property=\"og:description\" content=\"{about}\">\n",
            words.locale
        );
        if let Some(link) = link {
            let (page, picture, (width, height)) =
                (escaped(&link.page), escaped(&link.picture), link.size);
            let card = match width > height {
                true => "summary_large_image",
                false => "summary",
            };
            // Writing into memory cannot fail.
            let _ = write!(
                tags,
                "<meta property=\"og:url\" content=\"{page}\">\n\
                 <meta property=\"og:image\" content=\"{picture}\">\n\
                 <meta property=\"og:image:type\" content=\"image/png\">\n\
                 <meta property=\"og:image:width\" content=\"{width}\">\n\
                 <meta property=\"og:image:height\" content=\"{height}\">\n\
                 <meta property=\"og:image:alt\" content=\"{title}\">\n\
                 <meta name=\"twitter:card\" content=\"{card}\">\n"
            );
        }
        tags.trim_end().to_owned()
    }
}

/// The texts in one language.
pub(crate) struct Words {
    locale: &'static str,
    pub(crate) untitled: &'static str,
    pub(crate) today: &'static str,
    pub(crate) invitation: &'static str,
    pitch: &'static str,
}

impl Words {
    pub(crate) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &Words {
                locale: "en_US",
                untitled: "What’s for lunch?",
                today: "Today it is",
                invitation: "Choose lunch with us",
                pitch: "Choose lunch together: everybody adds, everybody votes.",
            },
            Language::Korean => &Words {
                locale: "ko_KR",
                untitled: "오늘 점심, 뭐 먹지?",
                today: "오늘은",
                invitation: "점심 같이 골라요",
                pitch: "다 같이 메뉴를 적고 투표해서 점심을 골라요.",
            },
        }
    }
}

/// Text within markup, also within quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
