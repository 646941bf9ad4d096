// The clock of one thread: it may run faster than the real clock, and can be set.

export class Clock {
  #tempo;
  #by = 0;
  #Date = Date;
  #began = Date.now();

  /** @param {number} tempo how much faster than the real clock */
  constructor(tempo) {
    this.#tempo = tempo;
  }

  /** The real time, ms since 1970. */
  real = () => this.#Date.now();

  /** Sets the wall clock; durations do not change. @param {number} by ms */
  set(by) {
    this.#by += by;
  }

  #now = () => Math.floor(this.#began + (this.real() - this.#began) * this.#tempo + this.#by);

  /** Makes it the clock of this thread. */
  install() {
    const now = this.#now;
    const tempo = this.#tempo;
    globalThis.Date = /** @type {DateConstructor} */ (
      class extends Date {
        /** @param {any[]} parts */
        constructor(...parts) {
          // @ts-expect-error Date takes any arguments
          super(...(parts.length > 0 ? parts : [now()]));
        }
        /** @override */
        static now = now;
      }
    );
    const { setTimeout: once, setInterval: often, performance } = globalThis;
    const monotonic = performance.now.bind(performance);
    performance.now = () => monotonic() * tempo;
    /** @type {(then: () => void, ms?: number, ...rest: any[]) => any} */
    const later = (then, ms = 0, ...rest) => once(then, ms / tempo, ...rest);
    /** @type {(then: () => void, ms?: number, ...rest: any[]) => any} */
    const again = (then, ms = 0, ...rest) => often(then, ms / tempo, ...rest);
    Object.assign(globalThis, { setTimeout: later, setInterval: again });
  }
}
