// The shapes of things, for the type checker alone: nothing here is loaded at run time.
// What is on the wire keeps its names from the protocol.

import type { RoomError } from './errors.js';

/** Somebody who has a seat in the room. */
export interface Member {
  readonly id: number;
  readonly name: string;
  /** 0 to 11: an index in your palette. */
  readonly colour: number;
  /** Not connected at the moment; the seat is kept for a while. */
  readonly away: boolean;
}

/**
 * - `connecting`: on the way, or catching up; or it cannot catch up, see `outdated`
 * - `live`: connected, and everything that happened is known
 * - `offline`: waiting for the next attempt, see `retryAt`
 * - `ended`: no further attempt by itself, see `reason`
 */
export type Status = 'connecting' | 'live' | 'offline' | 'ended';

/**
 * Everything there is to show, at one moment. Immutable: each change makes a new view. But its times are converted
 * to this device's clock when they are read, so that they stay right when somebody sets the clock.
 */
export interface View<S> {
  readonly status: Status;
  /** The view may be out of date: not `live`, or the server cannot reach its store. */
  readonly stale: boolean;
  /** When `offline`: time of the next attempt (ms by this device's clock), null while none is planned because the page is hidden. */
  readonly retryAt: number | null;
  /** Why the room ended or the connection dropped last; null while live. */
  readonly reason: RoomError | null;
  /**
   * Null, or what the server is: there was an event that this client does not know. `state` and `position` stay as
   * they were before it, until a newer client takes the seat over with `saved`.
   */
  readonly outdated: Version | null;
  /** `down`: the server cannot reach its store; changes wait. */
  readonly store: 'up' | 'down';
  /** Yourself; null before the first hello, and while you watch. */
  readonly me: Member | null;
  /** You have no seat: you see everything, and commands are refused with `watching`. */
  readonly watching: boolean;
  /** Sorted by id. */
  readonly members: readonly Member[];
  /** Those who have left, as far as is known: their names, for what is left of them in the room. In order of leaving. */
  readonly former: readonly Former[];
  /** The number of seats; null before the first hello. */
  readonly seats: number | null;
  /** How long the room lives after the last join or change, ms; null before the first hello. */
  readonly ttlMs: number | null;
  /** The application's state; null before the first hello. */
  readonly state: S | null;
  /** The place of `state` in the room's history. */
  readonly position: Position | null;
  /** When the room ends unless something extends it: ms by this device's clock. */
  readonly expiresAt: number | null;
  /** Your commands without an answer yet, in order. */
  readonly pending: readonly Pending[];
}

/** A member who has left. */
export interface Former {
  readonly id: number;
  readonly name: string;
  readonly colour: number;
}

export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

/** A command without an answer yet. */
export interface Pending {
  readonly id: number;
  readonly command: string;
  readonly content: object | null;
}

/** The data for a reload: plain, for `JSON.stringify`. Contains the seat's secret. */
export interface Saved {
  /** Absent if there are only commands to send. */
  readonly seat?: string | undefined;
  readonly name: string | undefined;
  readonly colour?: number | undefined;
  readonly person?: string | undefined;
  readonly nextId: number;
  /** The highest number that was sent: commands above it were certainly not applied. */
  readonly sentId?: number;
  /** Commands without an answer yet. */
  readonly pending: readonly Pending[];
  readonly replica: unknown;
  /** Only for a lunch room. */
  readonly contribution?: Contribution | null;
}

/** Options of a room; `S` is the application's state, `E` its events. */
export interface RoomOptions<S, E> {
  /**
   * Returns the state after an event; undefined if it does not know the event, because the server is newer: then the
   * room is `outdated`. Pure: it makes a new state and does not change the old one. If it throws, the room ends with
   * `failed`. Without it `view.state` stays that of the last hello or snapshot.
   */
  apply?: ((state: S, event: ChangeEvent<E>) => S | undefined) | undefined;
  /** Your name; without it the server makes one up. */
  name?: string | undefined;
  /** Your colour, 0 to 11; without it you get one that few others have. */
  colour?: number | undefined;
  /**
   * Who you are, from `newPerson()`: whoever joins with a key that the room knows is the member they were, with their
   * name, colour and votes, and takes the seat over from an older connection. Without it you are somebody new.
   */
  person?: string | undefined;
  /**
   * `true`: watch if the room is full, and get a seat when one is free. `'only'`: never take a seat. Without it the
   * client waits outside a full room.
   */
  watch?: boolean | 'only' | undefined;
  /** An earlier `room.saved`, to take the same seat again. */
  saved?: Saved | null | undefined;
  /** The only way to talk to the server. Without it: WebSocket, or SSE where that is blocked or not there. */
  transport?: TransportName | undefined;
  /** Another address for SSE than `/sse/{id}/` beside `/ws/{id}/`. `false`: never take it. */
  sse?: string | URL | false | undefined;
  /** Another WebSocket class than the global one, which Node before 22 does not have. */
  WebSocket?: WebSocketClass | undefined;
}

/** `sse`: Server-Sent Events and POST. */
export type TransportName = 'websocket' | 'sse';

/** The part of a WebSocket that is used. */
export interface WebSocketClass {
  new (url: string, protocol: string): {
    readonly readyState: number;
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    addEventListener(type: 'open' | 'message' | 'close' | 'error', listener: (event: any) => void): void;
    send(text: string): void;
    close(code: number): void;
  };
}

interface Happened {
  readonly seq: number;
  /** ms by the store's clock */
  readonly expires_at: number;
}

/** The application's state changed. */
export interface ChangeEvent<E> extends Happened {
  /** The member whose command it was; absent if the server or the clock did it. */
  readonly by?: number;
  readonly change: E;
}

interface Named {
  readonly member: number;
  readonly name: string;
  readonly colour: number;
}

/** The events of a room by type, as they come from the server. */
export interface RoomEvents<E> {
  joined: Happened & { readonly joined: Named };
  back: Happened & { readonly back: { readonly member: number } };
  /** `until`: ms by the store's clock; `room.localTime` converts it. */
  away: Happened & { readonly away: { readonly member: number; readonly until: number } };
  left: Happened & { readonly left: { readonly member: number } };
  renamed: Happened & { readonly by: number; readonly renamed: Named };
  change: ChangeEvent<E>;
}

/** The events of `room.listen`, by type. */
export interface Listened<E> extends RoomEvents<E> {
  /** There was an event that this client does not know, see `view.outdated`. */
  outdated: Version;
  /** At the first hello, and after each that came in another way than the one before. */
  transport: TransportName;
  /** A command in `saved` was given up, and nobody holds its promise: `pending` is the command. */
  refused: RoomError;
}

/** Any event on the wire. */
export type RoomEvent<E> = Happened & { readonly by?: number } & {
  readonly [K in keyof RoomEvents<E>]?: RoomEvents<E>[K] extends { readonly [P in K]: infer V } ? V : never;
};

/** The whole state on the wire. */
export interface Whole<S> extends Position {
  readonly state: S;
  readonly members: readonly Member[];
  /** Absent if there is nobody, and from servers of before this field. */
  readonly former?: readonly Former[];
  readonly expires_at: number;
  readonly now: number;
}

interface Greeting {
  /** Absent, like the next three, for who watches. */
  readonly you?: number | undefined;
  readonly name?: string;
  readonly colour?: number;
  readonly seat?: string;
  /** The highest number of a command that was applied from this seat. */
  readonly applied?: number;
  readonly watching?: true;
  /** To who watches by SSE: the secret for POSTs. */
  readonly stream?: string;
  readonly room: string;
  readonly seats: number;
  readonly ttl_ms: number;
  readonly limits: {
    readonly message_bytes: number;
    readonly commands_per_second: number;
    readonly command_burst: number;
    readonly seat_grace_ms: number;
    readonly ping_interval_ms: number;
  };
  /** Servers of before this field do not send it. */
  readonly version?: Version;
}

/** What a client must know to show a server's rooms rightly. Both only grow; 0: older than versions. */
export interface Version {
  /** That of the protocol, for any application. */
  readonly protocol: number;
  /** That of the application: of its events and its state. */
  readonly app: number;
}

/** The first message to a member. */
export type Hello<S> = Greeting & (({ readonly resumed: false } & Whole<S>) | { readonly resumed: true });

/** The room as this client knows it: a hello without its secret, kept up to date. */
export type Replica<S> = Omit<Greeting, 'seat' | 'stream'> & Omit<Whole<S>, 'now'> & {
  readonly version: Version;
  /** The store's clock minus `performance.now()`, ms; in `saved`, minus the device's clock. */
  readonly offset: number;
  /** The store's clock minus the device's, ms, as it was at the last whole state. */
  readonly behind: number;
};

/** All messages of the server: one of these. */
export interface Push<S, E> {
  readonly hello?: Hello<S>;
  readonly snapshot?: Whole<S>;
  readonly event?: RoomEvent<E>;
  /** `own`: what only the sender may see of the command's events, the last one at `seq`. */
  readonly ack?: { readonly id: number; readonly seq: number; readonly own?: readonly E[] };
  readonly error?: {
    readonly id?: number;
    readonly code: string;
    readonly message: string;
    /** The number that must be sent before any higher one is taken. */
    readonly after?: number;
  };
  readonly status?: { readonly store: 'up' | 'down' };
}

/** A new room. */
export interface CreatedRoom {
  readonly id: string;
  /** The WebSocket address, for `new Room(url, …)`. */
  readonly url: string;
  /** The room's page, for people. */
  readonly page: string;
  /** ms by the store's clock; `expires_at - now` is how long is left. */
  readonly expires_at: number;
  readonly now: number;
  readonly seats: number;
  /** How long it lives after the last join or change, ms. */
  readonly ttl_ms: number;
}

/** The settings of the room that comes after another. */
export interface NextSettings {
  /** How long it lives after the last join or change: 1 to 1440. */
  readonly minutes?: number | null;
  /** The key of who opens it, and is its host; without it nobody is. */
  readonly person?: string | null;
}

/** What is remembered of a room that ended, for the room that comes after it if the server knows nothing of it. */
export interface Remembered {
  readonly title?: string | null;
  /** As in a result, or in `state.items`. */
  readonly menu?: readonly { readonly item: string; readonly name: string }[];
}

/** The settings of a new room. */
export interface RoomSettings extends NextSettings {
  readonly title?: string | null;
  /** The votes decide after so many minutes: 1 to 1440. */
  readonly decideIn?: number | null;
  /** The votes decide at this time: ms since 1970 by the server's clock. */
  readonly decideAt?: number | null;
  readonly hiddenVotes?: boolean | null;
  /** How many votes each has: 1 to 100; without it there is no limit. */
  readonly votesEach?: number | null;
}

/** The result of a room, which may be gone. */
export interface RoomResult {
  readonly id: string;
  readonly title: string | null;
  readonly decision: Decision;
  /** The menu as it was then. */
  readonly menu: readonly Candidate[];
  /** ms by the store's clock */
  readonly decided_at: number;
  /** ms by the store's clock */
  readonly kept_until: number;
}

/** The lunch menu. */
export interface Menu {
  readonly title: string | null;
  /** In order of adding. */
  readonly items: readonly Item[];
  readonly max_items: number;
  readonly rules: Rules;
  /** When the votes decide: `at` in ms by the store's clock, which `room.localTime` converts; and who said so. */
  readonly deadline?: { readonly at: number; readonly by?: number | undefined; readonly name?: string | undefined } | undefined;
  /** The member who is host; absent: nobody is, and everybody may do everything. */
  readonly host?: number | undefined;
  /** Only the host changes the menu and decides; never true without a host. */
  readonly locked: boolean;
  /** Who has a vote on the menu, or on what was removed; sorted by id. */
  readonly voted: readonly number[];
  /** The last reminder, ms by the store's clock. */
  readonly nudged_at?: number | undefined;
  /** What was removed and can be put back, newest first: at most 20. */
  readonly removed: readonly Item[];
  /** The next draw, and the commitment to its secret. */
  readonly next_draw: { readonly number: number; readonly commitment: string };
  /** The draw under way. */
  readonly drawing: Drawing | null;
  readonly decision: Decision | null;
  /** Earlier decisions, newest first: at most 5. */
  readonly past: readonly Numbered[];
}

/** What a room has agreed on. */
export interface Rules {
  /** Others see no votes, until a draw or a decision reveals them. */
  readonly hidden_votes: boolean;
  /** How many votes each has; null: no limit. */
  readonly votes_each: number | null;
}

/** An item as it was when the draw began, or the votes were counted. */
export interface Candidate {
  readonly number: number;
  readonly item: string;
  /** Who added it. */
  readonly name: string;
  /** How many votes it had. */
  readonly votes: number;
}

interface Draw {
  /** 1, 2, 3… in a room. */
  readonly number: number;
  /** SHA-256 of its secret. */
  readonly commitment: string;
  readonly candidates: readonly Candidate[];
  /** In order of arrival. */
  readonly contributions: readonly { readonly member: number; readonly name: string; readonly value: string }[];
}

/** A draw under way. */
export interface Drawing extends Draw {
  /** Who started it, and their name; absent if the deadline did. */
  readonly by?: number | undefined;
  readonly name?: string | undefined;
  /** When the server ends it by itself: ms by the store's clock. Absent: clients end it. */
  readonly ends_at?: number | undefined;
}

/** A draw that is over. */
export interface Drawn extends Draw {
  readonly secret: string;
}

/** A decision. */
export interface Decision {
  /** 1, 2, 3… in a room; absent, as `at`, if a server of before version 2 decided. */
  readonly number?: number | undefined;
  readonly how: 'votes' | 'draw';
  /** Who had the votes counted, or started the draw, and their name; absent if the deadline did. */
  readonly by?: number | undefined;
  readonly name?: string | undefined;
  /** ms by the store's clock */
  readonly at?: number | undefined;
  /** The deadline decided. */
  readonly deadline?: true | undefined;
  readonly winner: Candidate;
  /** The finished draw, for `verifyDraw`; null if the votes decided. */
  readonly draw: Drawn | null;
}

/** A decision that can be the decision again. */
export interface Numbered extends Decision {
  readonly number: number;
}

/** A contribution of this client to a draw. */
export interface Contribution {
  /** The draw's number. */
  readonly draw: number;
  /** Your member id in it. */
  readonly member: number;
  readonly value: string;
  /** The commitment when you contributed. */
  readonly commitment: string;
}

/** An item on the menu. */
export interface Item {
  /** Never used twice in one epoch of a room. */
  readonly number: number;
  readonly item: string;
  /** Who added it: a member, who may have left. */
  readonly by: number;
  /** Their name at that time. */
  readonly name: string;
  /**
   * The members who vote for it, in order of voting; members who left stay in the list. While votes are hidden: those
   * that were revealed last, and your own.
   */
  readonly votes: readonly number[];
  /** The members who cannot eat it; absent if there is none. */
  readonly vetoes?: readonly number[];
}

/** All votes of these items. */
export type Revealed = readonly { readonly number: number; readonly votes: readonly number[] }[];

/** The events of the menu, by kind. */
export interface MenuChanges {
  added: { readonly number: number; readonly item: string; readonly name: string };
  removed: { readonly number: number };
  restored: Item;
  /** `hidden`: somebody else's vote. `any`, of a vote that others do not see: whether they have one now. */
  voted:
    | { readonly number: number; readonly on: boolean; readonly any?: boolean; readonly hidden?: never }
    | { readonly hidden: true; readonly any: boolean; readonly number?: never; readonly on?: never };
  vetoed: { readonly number: number; readonly on: boolean };
  titled: { readonly title: string | null };
  extended: object;
  deadline: { readonly at: number | null; readonly name?: string };
  nudged: { readonly name: string; readonly at: number };
  ruled: Rules & { readonly name: string; readonly votes?: Revealed };
  locked: { readonly on: boolean; readonly name: string };
  /** Without a member nobody is host any more. */
  hosted: { readonly member?: number; readonly name?: string };
  dismissed: { readonly member: number; readonly name: string };
  /** The member has no votes and no vetoes any more. */
  cleared: { readonly member: number };
  drawing: {
    readonly number: number;
    readonly name?: string;
    /** Numbers of items. */
    readonly candidates: readonly number[];
    readonly commitment: string;
    readonly next_commitment: string;
    readonly ends_at?: number;
    readonly votes?: Revealed;
  };
  contributed: { readonly name: string; readonly value: string };
  decided: {
    readonly how: 'votes' | 'draw';
    readonly name?: string;
    readonly winner: number;
    readonly at?: number;
    /** Only for a draw. */
    readonly secret?: string;
    readonly votes?: Revealed;
  };
  /** `decision`: the number of an earlier decision, which is the decision again. */
  reinstated: { readonly decision: number; readonly name: string; readonly at: number };
}

/** One of these fields, and none of the others. */
export type OneOf<T> = {
  [K in keyof T]: { readonly [P in K]: T[P] } & { readonly [P in Exclude<keyof T, K>]?: never };
}[keyof T];

/** An event of the menu: one of these. */
export type MenuChange = OneOf<MenuChanges>;
