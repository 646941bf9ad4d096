// The shapes of things, for the type checker alone: nothing here is loaded at run time.

/** What a run drives. */
export type Kind = 'js' | 'page' | 'terminal';

/** What is done on purpose to see that the checker notices it. */
export type Plant = 'lose' | 'double' | 'reorder' | 'false-live' | 'never-answers' | 'false-end';

/** What somebody does. `of` chooses among what is there at that time. */
export type Step = { readonly at: number; readonly who: number } & (
  | { readonly do: 'add'; readonly count: number }
  | { readonly do: 'vote' | 'unvote' | 'remove'; readonly of: number }
  | { readonly do: 'title' | 'rename' | 'extend' }
  | { readonly do: 'decide'; readonly how: 'votes' | 'draw' }
);

/** What befalls a client itself. */
export type Mishap = { readonly at: number; readonly who: number } & (
  | { readonly do: 'freeze'; readonly for: number }
  | { readonly do: 'hide' | 'offline'; readonly for: number }
  | { readonly do: 'clock'; readonly by: number }
  | { readonly do: 'throw'; readonly count: number }
  | { readonly do: 'reload'; readonly goodbye: boolean }
  | { readonly do: 'dieInView' | 'reopen' | 'retryNow' }
);

/** What befalls a way between two: a client and its node, or a node and Redis. */
export type Trouble = { readonly at: number } & (
  | { readonly do: 'cut' | 'end' | 'halfOpen' | 'loseAnswers' }
  | { readonly do: 'stall' | 'refuse' | 'swallow' | 'split'; readonly for: number }
  | { readonly do: 'delay'; readonly for: number; readonly by: number }
);

/** What befalls a process. */
export type Outage =
  | { readonly at: number; readonly for: number; readonly do: 'stopRedis' | 'killRedis' }
  | {
      readonly at: number;
      readonly for: number;
      readonly do: 'stopNode' | 'killNode' | 'endNode';
      readonly node: number;
      /** Whether its clients are led to another one meanwhile. */
      readonly balanced: boolean;
    };

/** Everything that is done in one run. Times in ms since its beginning. */
export interface Plan {
  readonly seed: number;
  readonly kind: Kind;
  readonly store: 'memory' | 'redis';
  readonly nodes: number;
  /** Its rooms are lost on the way: a store in memory whose node is killed. */
  readonly doomed: boolean;
  /** Options of the servers. */
  readonly options: readonly string[];
  /** How long a seat is kept, and after how much silence the server pings, ms. */
  readonly grace: number;
  readonly pingInterval: number;
  /** How much faster time passes for a client than for the servers. */
  readonly tempo: number;
  /** The node of each client. */
  readonly clients: readonly number[];
  readonly length: number;
  readonly steps: readonly Step[];
  readonly mishaps: readonly Mishap[];
  /** By client. */
  readonly troubles: readonly (readonly Trouble[])[];
  /** By node: its way to Redis. */
  readonly storeTroubles: readonly (readonly Trouble[])[];
  readonly outages: readonly Outage[];
}

/** How a command ended for who gave it. */
export type Outcome =
  | { readonly ok: true; readonly seq: number | null }
  | { readonly ok: false; readonly code: string }
  /** Nobody is there any more who could be told: the page went. `kept`: it was to be said again. */
  | { readonly gone: true; readonly kept: boolean };

/** Something that somebody gave in. */
export interface Command {
  readonly client: number;
  /** Commands of one life of a client are one seat's: it ends with `close`. */
  readonly life: number;
  readonly key: number;
  readonly do: string;
  /** Of an addition. */
  readonly item?: string | undefined;
  /** The number of an item. */
  readonly of?: number | undefined;
  /** What that item is. */
  readonly named?: string | undefined;
  readonly at: number;
  outcome?: Outcome;
}

/** What a client heard: an event at its place. */
export interface Heard {
  readonly client: number;
  readonly at: number;
  readonly epoch: string;
  readonly seq: number;
  /** Canonical JSON, without what may differ between members. */
  readonly event: string;
}

/** What a client showed from then on. */
export interface Shown {
  readonly client: number;
  readonly life: number;
  readonly at: number;
  readonly status: string;
  readonly stale: boolean;
  readonly store: string;
  readonly reason: string | null;
  readonly retryIn: number | null;
  readonly epoch: string | null;
  readonly seq: number | null;
  readonly pending: number;
  /** Whether it has the change that comes after all the others. */
  readonly last: boolean;
  /** Canonical JSON of members and state, if they are others than before. */
  readonly state?: string | undefined;
}

/** A time in which what a client shows is nobody's promise: frozen, or hidden. */
export interface Excused {
  readonly client: number;
  readonly from: number;
  to: number;
}

/** The room as the server tells it. */
export interface Truth {
  readonly at: number;
  readonly epoch: string;
  readonly seq: number;
  readonly state: string;
  /** In order of adding. */
  readonly items: readonly string[];
}

/** How a client was in the end. */
export interface Final {
  readonly client: number;
  /** Connected, caught up, with nothing unanswered. */
  readonly calm: boolean;
  /** It saw a change that came after all the others. */
  readonly heard: boolean;
  /** What it said last. */
  readonly last: string;
  /** What it showed otherwise than the server has it, in the end. */
  readonly wrong: string | null;
}

/** A run as it was. */
export interface History {
  readonly plan: Plan;
  readonly commands: Command[];
  readonly heard: Heard[];
  readonly shown: Shown[];
  readonly excused: Excused[];
  readonly truths: Truth[];
  readonly finals: Final[];
  /** What a client threw that nobody caught. */
  readonly crashes: string[];
  /** For how long the run itself was given no time, on a machine that is too busy, ms. */
  starved: number;
  /** The room at the very end; null if it is gone. */
  final: Truth | null;
}

/** What a client reports while a run lasts. */
export type Report =
  | { readonly command: Command }
  | { readonly answered: { readonly client: number; readonly key: number; readonly outcome: Outcome } }
  | { readonly heard: Heard }
  | { readonly shown: Shown }
  | { readonly excused: Excused }
  | { readonly crash: string };

/** Somebody with a client. */
export interface Person {
  act(order: Step | Mishap): Promise<void>;
  /** Connects now, as somebody does who is tired of waiting. */
  retryNow(): void;
  /** Once all is over: what is shown otherwise than it is. */
  wrong(items: readonly string[]): Promise<string | null>;
  close(): Promise<void>;
}

export interface Finding {
  readonly kind:
    | 'lost'
    | 'doubled'
    | 'order'
    | 'disagree'
    | 'unanswered'
    | 'false-reason'
    | 'false-live'
    | 'false-status'
    | 'false-end'
    | 'crash'
    /** The run itself failed. */
    | 'harness';
  readonly text: string;
}
