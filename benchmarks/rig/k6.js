// A virtual user per viewer: a playlist every 2 s, a segment every 4 s, at absolute times, as the other clients do.
import http from 'k6/http';
import { sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';

const plan = JSON.parse(open(__ENV.BENCHMARK_WORK.replace(/work\.json$/, 'plan.json')));
const per = (make) => plan.steps.map((_, number) => make(number));
const lag = per((n) => new Trend(`lag_${n}`));
const done = per((n) => new Counter(`done_${n}`));
const failed = per((n) => new Counter(`failed_${n}`));
const bytes = per((n) => new Counter(`bytes_${n}`));

export const options = {
  discardResponseBodies: true,
  summaryTrendStats: ['p(99)'],
  scenarios: {
    viewers: {
      executor: 'per-vu-iterations',
      vus: plan.joins.length,
      iterations: 1,
      maxDuration: `${plan.duration + 60}s`,
      gracefulStop: '0s',
    },
  },
};

const now = () => Date.now() / 1000 - plan.epoch;
const stepAt = (at) => plan.steps.findIndex((step) => step.start <= at && at < step.end);

function get(url) {
  const answer = http.get(url, { tags: { name: 'all' } });
  const step = stepAt(now());
  if (step < 0) return;
  done[step].add(1);
  if (answer.status === 200) bytes[step].add(Number(answer.headers['Content-Length']));
  else failed[step].add(1);
}

export default function watch() {
  const number = __VU - 1;
  const origin = plan.origins[number % plan.origins.length];
  let due = plan.joins[number];
  for (let turn = 0; due < plan.duration; turn += 1, due += 2) {
    if (due > now()) sleep(due - now());
    const step = stepAt(now());
    if (step >= 0) lag[step].add((now() - due) * 1000);
    get(`${origin}/p.m3u8`);
    if (turn % 2 === 0) get(`${origin}/${plan.segment}`);
  }
}

export function handleSummary(data) {
  return { [plan.summary]: JSON.stringify(data) };
}
