// Types for the type checker only: nothing here is loaded at run time.

import type { TransportName } from '../../clients/js/src/types.js';

/** The client that a run drives. */
export type Kind = 'js' | 'page' | 'terminal';

/** A planted fault, to see that the checker finds it. */
export type Plant = 'lose' | 'double' | 'reorder' | 'false-live' | 'never-answers' | 'false-end';

/** A step of a person. `of` chooses among the items of that time. */
export type Step = { readonly at: number; readonly who: number } & (
  | { readonly do: 'add'; readonly count: number }
  | { readonly do: 'vote' | 'unvote' | 'remove'; readonly of: number }
  | { readonly do: 'title' | 'rename' | 'extend' }
  | { readonly do: 'decide'; readonly how: 'votes' | 'draw' }
);

/** A fault of a client itself. */
export type Mishap = { readonly at: number; readonly who: number } & (
  | { readonly do: 'freeze'; readonly for: number }
  | { readonly do: 'hide' | 'offline'; readonly for: number }
  | { readonly do: 'clock'; readonly by: number }
  | { readonly do: 'throw'; readonly count: number }
  | { readonly do: 'reload'; readonly goodbye: boolean }
  | { readonly do: 'dieInView' | 'reopen' | 'retryNow' }
);

/** A fault of a connection: between a client and its node, or a node and Redis. */
export type Trouble = { readonly at: number } & (
  | { readonly do: 'cut' | 'end' | 'halfOpen' | 'loseAnswers' }
  | { readonly do: 'stall' | 'refuse' | 'swallow' | 'split'; readonly for: number }
  | { readonly do: 'delay'; readonly for: number; readonly by: number }
);

/** A fault of a process. */
export type Outage =
  | { readonly at: number; readonly for: number; readonly do: 'stopRedis' | 'killRedis' }
  | {
      readonly at: number;
      readonly for: number;
      readonly do: 'stopNode' | 'killNode' | 'endNode';
      readonly node: number;
      /** Whether its clients are sent to another node meanwhile. */
      readonly balanced: boolean;
    };

/** Everything that happens in one run. Times in ms since its beginning. */
export interface Plan {
  readonly seed: number;
  readonly kind: Kind;
  readonly store: 'memory' | 'redis';
  readonly nodes: number;
  /** Whether its rooms get lost: a store in memory whose node is killed. */
  readonly doomed: boolean;
  /** Options of the servers. */
  readonly options: readonly string[];
  /** How long a seat is kept, and the silence after which the server pings, ms. */
  readonly grace: number;
  readonly pingInterval: number;
  /** How much faster time passes for a client than for the servers. */
  readonly tempo: number;
  /** The way of the JavaScript client's connections; undefined: it chooses. */
  readonly transport: TransportName | undefined;
  /** The node of each client. */
  readonly clients: readonly number[];
  readonly length: number;
  readonly steps: readonly Step[];
  readonly mishaps: readonly Mishap[];
  /** For each client. */
  readonly troubles: readonly (readonly Trouble[])[];
  /** For each node: its connection to Redis. */
  readonly storeTroubles: readonly (readonly Trouble[])[];
  readonly outages: readonly Outage[];
}

/** The outcome of a command for the client that sent it. */
export type Outcome =
  | { readonly ok: true; readonly seq: number | null }
  | { readonly ok: false; readonly code: string }
  /** The page is gone and gets no answer. `kept`: the command was saved, to be sent again. */
  | { readonly gone: true; readonly kept: boolean };

/** A command of a client. */
export interface Command {
  readonly client: number;
  /** Commands with the same `life` belong to one seat, which ends with `close`. */
  readonly life: number;
  readonly key: number;
  readonly do: string;
  /** For an addition. */
  readonly item?: string | undefined;
  /** The number of an item. */
  readonly of?: number | undefined;
  /** The text of that item. */
  readonly named?: string | undefined;
  readonly at: number;
  outcome?: Outcome;
}

/** An event that a client received. */
export interface Heard {
  readonly client: number;
  readonly at: number;
  readonly epoch: string;
  readonly seq: number;
  /** Canonical JSON, without parts that may differ between members. */
  readonly event: string;
}

/** What a client showed from that time on. */
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
  /** Whether it has the last change of the run. */
  readonly last: boolean;
  /** Canonical JSON of members and state, if they have changed. */
  readonly state?: string | undefined;
}

/** A time in which a client may show old data: frozen, or hidden. */
export interface Excused {
  readonly client: number;
  readonly from: number;
  to: number;
}

/** The room according to the server. */
export interface Truth {
  readonly at: number;
  readonly epoch: string;
  readonly seq: number;
  readonly state: string;
  /** In order of adding. */
  readonly items: readonly string[];
}

/** The state of a client at the end. */
export interface Final {
  readonly client: number;
  /** Connected, caught up, without unanswered commands. */
  readonly calm: boolean;
  /** Whether it received the last change of the run. */
  readonly heard: boolean;
  /** Its last report. */
  readonly last: string;
  /** The difference between its view and the server's room at the end. */
  readonly wrong: string | null;
}

/** The record of a run. */
export interface History {
  readonly plan: Plan;
  readonly commands: Command[];
  readonly heard: Heard[];
  readonly shown: Shown[];
  readonly excused: Excused[];
  readonly truths: Truth[];
  readonly finals: Final[];
  /** Uncaught errors of clients. */
  readonly crashes: string[];
  /** How long the run itself got no CPU time, on a machine that is too busy, ms. */
  starved: number;
  /** The most of it within the lease of a node, ms. */
  starvedMost: number;
  /** The room at the end; null if it is gone. */
  final: Truth | null;
}

/** A client's report during a run. */
export type Report =
  | { readonly command: Command }
  | { readonly answered: { readonly client: number; readonly key: number; readonly outcome: Outcome } }
  | { readonly heard: Heard }
  | { readonly shown: Shown }
  | { readonly excused: Excused }
  | { readonly crash: string };

/** A person with a client. */
export interface Person {
  act(order: Step | Mishap): Promise<void>;
  /** Connects now, as an impatient person does. */
  retryNow(): void;
  /** At the end: the difference between the view and the room. */
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
