import type { Watch } from "./Watch.ts";
import { of } from "./Watch.ts";
import { bytes, count, duration, percent, perSecond } from "./units.ts";

/** Something that whoever runs the broker should look at. */
export interface Concern {
  readonly isGrave: boolean;
  readonly text: string;
}

/** A reader that is behind for a moment is ordinary: it is what the log is for. */
const LAG_SECONDS = 30;
const FREE_SHARE_MIN = 0.1;
const FREE_BYTES_MIN = 2 * 1024 ** 3;
const ACK_SLOW = 1_000_000;
const BUSY_SHARE = 0.9;
const PAUSED_SHARE = 0.05;
const QUEUED_MAX = 4 * 1024 ** 2;

/** What needs attention now, the gravest first; nothing when all is well. */
export function concernsOf(watch: Watch): Concern[] {
  const [stats, sample, activity] = [watch.stats.value, watch.sample.value, watch.activity.value];
  if (stats === undefined || sample === undefined) return [];
  const concerns: Concern[] = [];
  const say = (isGrave: boolean, text: string): void => void concerns.push({ isGrave, text });
  const [free, used] = [of(stats, "disk.free"), of(stats, "disk.used")];
  if (of(stats, "disk.full") > 0) say(true, "The disk has no room: publishes are refused until there is.");
  else if (free > 0 && free < FREE_BYTES_MIN) say(true, `Only ${bytes(free)} of the disk are free.`);
  else if (free > 0 && free < used * FREE_SHARE_MIN) say(false, `The disk has ${bytes(free)} left, a tenth of what the store has taken already.`);
  if (activity !== undefined && activity.latest.loopsAnswered < activity.latest.loops) {
    say(true, `${activity.latest.loops - activity.latest.loopsAnswered} of ${activity.latest.loops} loops did not answer within a second: they wait for the disk, or have stopped.`);
  }

  if ((sample.ack99 ?? 0) > ACK_SLOW) say(false, `One acknowledgement in a hundred takes ${duration(sample.ack99)} or longer; a commit ${duration(sample.commit99)}.`);
  if ((sample.processors ?? 0) > BUSY_SHARE * of(stats, "process.processors")) say(false, "The broker uses nearly all processors.");
  if ((sample.queued ?? 0) > QUEUED_MAX) say(false, `${bytes(sample.queued)} wait for the shards: clients are being held back.`);
  if (watch.history.isAboveZeroFor("lagging", LAG_SECONDS)) say(false, `${count(sample.lagging)} subscriptions have lagged for more than ${LAG_SECONDS} seconds: their readers are slower than what they follow.`);
  if (watch.history.isAboveZeroFor("refused", 10)) say(false, `Publishes are being refused, ${perSecond(sample.refused)}: the refusals below say whose.`);
  if ((sample.paused ?? 0) > PAUSED_SHARE) say(false, `The garbage collector holds everything up for ${percent(sample.paused)} of the time.`);
  return concerns.sort((one, other) => Number(other.isGrave) - Number(one.isGrave));
}
