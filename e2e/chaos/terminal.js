// A run of `tablecast join` in a pseudo-terminal, full screen.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { environment, program } from '../../clients/js/test/support/server.js';
import { LAST } from './check.js';
import { conduct } from './conduct.js';
import { Screen } from './screen.js';
import { pause, track, until } from './world.js';

/** @import { Command, History, Outcome, Plan, Plant } from './types.js' */

/** So many that what is told never takes more than two rows. At the right the members have a column of 24. */
const COLUMNS = 240;
const MENU = COLUMNS - 24;

/** More rows than the longest menu of a run. */
const ROWS = 120;

/** A line with a dish and its votes; the selected line has a mark. */
const DISH = /^[> ]\s*\d+ \[[ x]\] (.+)$/;

/** The texts for the end of a room, and the client's codes. @type {Readonly<Record<string, string>>} */
const OVER = { 'there is no such room': 'not_found', 'the room has expired': 'gone', 'the room is gone': 'gone' };

const CONTROL_C = '\x03';
const CONTROL_R = '\x12';

/** The planted fault is at this command. */
const PLANTED_AT = 3;

/** @param {string[]} lines */
const dishes = (lines) => lines.flatMap((line) => DISH.exec(line.slice(0, MENU).trimEnd())?.[1] ?? []);

/** The upper right corner. @param {string} head */
function status(head) {
  const said = /\b(connecting|live|offline|ended)\b(?:, again in (\d+) s)?[^,]*(?:,.*)?$/.exec(head);
  return { status: said?.[1] ?? 'connecting', retryIn: said?.[2] === undefined ? null : Number(said[2]) * 1000 };
}

/**
 * @param {Plan} plan
 * @param {Plant | null} plant
 * @returns {Promise<History>}
 */
export function run(plan, plant) {
  return conduct(plan, plant, async ({ world, began, record, client }) => {
    const now = () => Date.now() - began;
    const page = `${world.base(client)}/r/${world.id}`;
    const command = `stty rows ${ROWS} cols ${COLUMNS}; exec '${program()}' join --name c${client} ${page}`;
    // Each is another person, whose secret is there.
    const home = { XDG_STATE_HOME: `${world.dir}/c${client}` };
    const env = { ...environment(), ...home, TERM: 'xterm-256color', LC_ALL: 'C.UTF-8' };
    // `script` of util-linux gives it a pseudo-terminal.
    const child = track(spawn('script', ['-qfc', command, '/dev/null'], { cwd: world.dir, env, stdio: ['pipe', 'pipe', 'ignore'] }));
    child.once('error', (cause) => record({ crash: `client ${client}: the program \`script\` of util-linux is missing: ${cause}` }));
    let ended = false;
    child.once('close', () => {
      ended = true;
      look();
    });
    child.stdin?.on('error', () => {});
    const screen = new Screen(ROWS, COLUMNS);
    const decoder = new StringDecoder();
    /** Unanswered commands, in order. @type {Command[]} */
    const waiting = [];
    let keys = 0;
    let additions = 0;
    let shown = '';
    let isStuck = false;
    /** Commands that were settled because they are among those that are only counted. */
    let counted = 0;
    /** @type {string | null} */
    let held = null;

    /** @param {Command} command @param {Outcome} outcome */
    const settle = (command, outcome) => {
      if (plant === 'never-answers' && client === 0 && command.key === PLANTED_AT) return;
      waiting.splice(waiting.indexOf(command), 1);
      record({ answered: { client, key: command.key, outcome } });
    };
    function look() {
      if (isStuck) return;
      const { lines } = screen;
      const state = ended ? { status: 'ended', retryIn: null } : status(lines[0] ?? '');
      const there = dishes(lines);
      // When it has ended, only what it said last is left.
      const said = (ended ? lines : lines.slice(-4, -2)).join(' ').trim();
      const over = state.status === 'ended' ? Object.keys(OVER).find((text) => said.includes(text)) : undefined;
      const reason = OVER[over ?? ''] ?? said;
      for (const command of [...waiting]) {
        const item = command.item ?? '';
        if (there.includes(item) && state.status === 'live') settle(command, { ok: true, seq: null });
        else if (new RegExp(`\\b${item}\\b`).test(said) && /:/.test(said)) settle(command, { ok: false, code: reason });
      }
      // The number of further commands that were not sent, besides the named ones.
      const more = Number(/not sent: .*?, (\d+) more\b/.exec(said)?.[1] ?? 0);
      if (over !== undefined && more === counted + waiting.length) {
        counted += waiting.length;
        for (const command of [...waiting]) settle(command, { ok: false, code: reason });
      }
      const pending = Number(/\((\d+) not sent yet\)/.exec(said)?.[1] ?? 0);
      const isDown = said.includes('the store cannot be reached: nothing changes');
      const view = { ...state, stale: false, store: isDown ? 'down' : 'up', reason: state.status === 'live' ? null : reason, pending, last: there.includes(LAST) };
      const text = JSON.stringify(view);
      if (text === shown) return;
      shown = text;
      record({ shown: { client, life: 0, at: now(), epoch: null, seq: null, ...view } });
      if (plant === 'false-live' && client === 0 && state.status === 'live' && there.length >= PLANTED_AT) isStuck = true;
    }
    child.stdout?.on('data', (data) => {
      screen.write(decoder.write(data));
      look();
    });
    /** @param {string} text */
    const type = (text) => void child.stdin?.write(text);
    /**
     * Sends a signal to the program behind the terminal, unless that has ended: the number 0 would mean this process
     * and all that it has started.
     * @param {NodeJS.Signals} name
     */
    const signal = (name) => {
      const children = `/proc/${child.pid}/task/${child.pid}/children`;
      const pid = ended || !existsSync(children) ? 0 : Number(readFileSync(children, 'utf8').trim().split(' ')[0]);
      if (pid > 0) process.kill(pid, name);
    };
    await until('the terminal shows the room', async () => ended || status(screen.lines[0] ?? '').status === 'live');
    if (plant === 'false-end' && client === 0) void pause(1000).then(() => signal('SIGKILL'));

    return {
      async act(order) {
        if (ended) return;
        if (order.do === 'freeze') {
          record({ excused: { client, from: now(), to: now() + order.for } });
          signal('SIGSTOP');
          await pause(order.for);
          if (ended) return;
          signal('SIGCONT');
          // It stopped itself, like a job of a shell.
          child.kill('SIGCONT');
        } else if (order.do === 'retryNow') type(CONTROL_R);
        else if (order.do === 'add') {
          /** @type {Command} */
          const command = { client, life: 0, key: keys++, do: 'add', item: `c${client}-${keys}`, at: now() };
          record({ command });
          waiting.push(command);
          const isPlanted = client === 0 && ++additions === PLANTED_AT;
          if (isPlanted && plant === 'lose') return settle(command, { ok: true, seq: null });
          if (isPlanted && plant === 'reorder') return void (held = `${command.item}\r`);
          type(`${command.item}\r`);
          if (held !== null) {
            type(held);
            held = null;
          }
          // The program refuses the same dish twice, so this adds another one that was not in the plan.
          if (isPlanted && plant === 'double') type(`c${client}-0\r`);
        }
      },
      retryNow: () => type(CONTROL_R),
      async wrong(items) {
        const there = dishes(screen.lines);
        return isStuck || there.join() === items.join() ? null : `${there.join()} instead of ${items.join()}`;
      },
      async close() {
        if (ended) return;
        const left = new Promise((resolve) => child.once('close', resolve));
        type(CONTROL_C);
        await Promise.race([left, pause(2000)]);
        child.kill('SIGKILL');
      },
    };
  });
}
