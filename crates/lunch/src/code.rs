//! Why the lunch table refuses a command, besides what any room may tell.

tablecast_core::error_codes! {
    NOT_FOUND = "not_found": "there is no such item, draw, member or decision";
    MENU_FULL = "menu_full": "there are as many items as allowed";
    VOTES_FULL = "votes_full": "the item has as many votes as allowed";
    VOTES_SPENT = "votes_spent": "the member has given as many votes as each may give";
    TOO_MANY_VOTES = "too_many_votes": "somebody has given more votes than each could give then";
    VOTES_HIDDEN = "votes_hidden": "somebody has voted in secret since the votes were last shown";
    VETOED = "vetoed": "somebody cannot eat what was chosen then";
    DRAWING = "drawing": "a draw is under way";
    NOTHING_TO_DECIDE = "nothing_to_decide": "there is no item that everybody can eat";
    NO_CONTRIBUTION = "no_contribution": "nobody contributed to the draw yet";
    DRAW_FULL = "draw_full": "the draw has as many contributions as allowed";
    BAD_DEADLINE = "bad_deadline": "the deadline is too early or too late";
    TOO_SOON = "too_soon": "the members were nudged a moment ago; the message says how long to wait";
    HOST_ONLY = "host_only": "only the host may do this";
    NO_HOST = "no_host": "the room has no host at this moment";
}
