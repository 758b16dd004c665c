import { Mutex } from "../client/Mutex.js";

/**
 * Locks by name among all tabs of a browser (the Web Locks API), which end with their tab. Pages that came neither over HTTPS nor from localhost have none, nor has Node.js before 24: there they hold within the program.
 */

const inProgram = new Map<string, { readonly mutex: Mutex; holders: number }>();

/** Waits for the lock; the function that comes back ends it. */
export async function lock(name: string, signal?: AbortSignal): Promise<() => void> {
  const locks = lockManager();
  if (locks === undefined) {
    return lockInProgram(name, signal);
  }

  return new Promise((resolve, reject) => {
    locks.request(name, signal === undefined ? {} : { signal }, () => new Promise<void>((release) => resolve(release))).catch(reject);
  });
}

/** The lock if nobody holds it, undefined otherwise. */
export async function tryLock(name: string): Promise<(() => void) | undefined> {
  const locks = lockManager();
  if (locks === undefined) {
    return (inProgram.get(name)?.holders ?? 0) > 0 ? undefined : lockInProgram(name);
  }

  return new Promise((resolve, reject) => {
    locks
      .request(name, { ifAvailable: true }, (held) => {
        if (held === null) {
          resolve(undefined);
          return undefined;
        }

        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}

async function lockInProgram(name: string, signal?: AbortSignal): Promise<() => void> {
  const entry = inProgram.get(name) ?? { mutex: new Mutex(), holders: 0 };
  inProgram.set(name, entry);
  entry.holders++;
  const leave = (): void => {
    entry.holders--;
    if (entry.holders === 0) {
      inProgram.delete(name);
    }
  };
  try {
    const release = await entry.mutex.lock(signal);
    let isOver = false;
    return () => {
      if (!isOver) {
        isOver = true;
        release();
        leave();
      }
    };
  } catch (failure) {
    leave();
    throw failure;
  }
}

function lockManager(): LockManager | undefined {
  return (globalThis as { navigator?: { locks?: LockManager } }).navigator?.locks;
}
