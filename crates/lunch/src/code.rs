//! Why the lunch table refuses a command, besides what any room may tell.

tablecast_core::error_codes! {
    NOT_FOUND = "not_found": "there is no such item, or no such draw yet";
    MENU_FULL = "menu_full": "there are as many items as allowed";
    VOTES_FULL = "votes_full": "the item has as many votes as allowed";
    DRAWING = "drawing": "a draw is under way";
    NOTHING_TO_DECIDE = "nothing_to_decide": "there is no item";
    NO_CONTRIBUTION = "no_contribution": "nobody contributed to the draw yet";
    DRAW_FULL = "draw_full": "the draw has as many contributions as allowed";
}
