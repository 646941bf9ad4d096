// A terminal emulator: it knows the control sequences that the full screen of `tablecast join` uses. Pure.

const ESCAPE = '\x1b';

/** A complete sequence at the beginning: CSI with parameters, OSC, or two characters. */
const SEQUENCE = /^\x1b(?:\[([?>=]?)([\d;:]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-Z]|[=>78DEHMc])/;

export class Screen {
  #rows;
  #columns;
  /** @type {string[][]} */
  #cells;
  #row = 0;
  #column = 0;
  /** An incomplete sequence. */
  #rest = '';

  /** @param {number} rows @param {number} columns */
  constructor(rows, columns) {
    this.#rows = rows;
    this.#columns = columns;
    this.#cells = this.#blank();
  }

  /** The lines, without blanks at their ends. */
  get lines() {
    return this.#cells.map((cells) => cells.join('').trimEnd());
  }

  /** @param {string} text */
  write(text) {
    let left = this.#rest + text;
    this.#rest = '';
    while (left !== '') {
      if (left.startsWith(ESCAPE)) {
        const sequence = SEQUENCE.exec(left);
        if (!sequence) {
          this.#rest = left;
          return;
        }
        this.#control(sequence[1] ?? '', sequence[2] ?? '', sequence[3] ?? '');
        left = left.slice(sequence[0].length);
        continue;
      }
      const next = left.indexOf(ESCAPE);
      const plain = next < 0 ? left : left.slice(0, next);
      for (const character of plain) this.#put(character);
      left = left.slice(plain.length);
    }
  }

  #blank() {
    return Array.from({ length: this.#rows }, () => this.#line());
  }

  /** @returns {string[]} */
  #line() {
    return Array.from({ length: this.#columns }, () => ' ');
  }

  /** @param {string} character */
  #put(character) {
    if (character === '\r') this.#column = 0;
    else if (character === '\n' && this.#row < this.#rows - 1) this.#row++;
    else if (character === '\n') this.#cells = [...this.#cells.slice(1), this.#line()];
    else if (character === '\b') this.#column = Math.max(0, this.#column - 1);
    else if (character >= ' ') {
      const line = this.#cells[this.#row];
      if (line && this.#column < this.#columns) line[this.#column++] = character;
    }
  }

  /** @param {string} mark @param {string} parameters @param {string} command */
  #control(mark, parameters, command) {
    const numbers = parameters.split(/[;:]/).map(Number);
    const first = numbers[0] || 1;
    if (mark === '?') {
      // Another screen is an empty one.
      if (numbers[0] === 1049) this.#cells = this.#blank();
      return;
    }
    switch (command) {
      case 'H':
      case 'f':
        this.#row = Math.min(first, this.#rows) - 1;
        this.#column = Math.min(numbers[1] || 1, this.#columns) - 1;
        return;
      case 'A':
        this.#row = Math.max(0, this.#row - first);
        return;
      case 'B':
        this.#row = Math.min(this.#rows - 1, this.#row + first);
        return;
      case 'C':
        this.#column = Math.min(this.#columns - 1, this.#column + first);
        return;
      case 'D':
        this.#column = Math.max(0, this.#column - first);
        return;
      case 'G':
        this.#column = Math.min(first, this.#columns) - 1;
        return;
      case 'J':
        if (numbers[0] === 2) this.#cells = this.#blank();
        else this.#cells = this.#cells.map((line, row) => (row > this.#row ? this.#line() : line));
        return;
      case 'K':
        this.#cells[this.#row]?.fill(' ', this.#column);
    }
  }
}
