import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dockerPlace } from './docker-place.js';
import { serverFolder } from './installed-servers.js';
import type { Offer, Place } from './place.js';
import { localServer } from './server-process.js';
import { ServerUnavailableError } from './server-unavailable.js';

/** What makes every server available. */
const CURE = 'start Docker, or run .ci/install-servers, or set the TEST_… address of a running server';

/** Runs `start` in the first place that works: containers, then this machine; fails with every place's reason. */
export async function inFirstPlace<T>(offer: Offer, start: (place: Place) => Promise<T>): Promise<T> {
  const reasons: string[] = [];
  const docker = await dockerPlace(offer.image);
  if (docker.place) {
    try {
      return await start(docker.place);
    } catch (error) {
      reasons.push(`Docker could not run ${offer.image} (${(error as Error).message})`);
      await docker.place.dispose();
    }
  } else {
    reasons.push(docker.reason);
  }
  const missing = offer.missing();
  if (missing === undefined) return await start(localPlace());
  throw new ServerUnavailableError([...reasons, missing].join(', '), CURE);
}

/** Why no place can run this kind of server, or undefined when one can. */
export async function whyNotHere(offer: Offer): Promise<{ reason: string; cure: string } | undefined> {
  const missing = offer.missing();
  if (missing === undefined) return undefined;
  const docker = await dockerPlace(offer.image);
  return docker.place ? undefined : { reason: `${docker.reason}, ${missing}`, cure: CURE };
}

function localPlace(): Place {
  return {
    kind: 'local',
    bindHost: '127.0.0.1',
    hostOf: () => '127.0.0.1',
    async prepare(plan) {
      const folder = serverFolder(plan.name);
      const files = { ...plan.files, 'start.sh': plan.start, 'tool.sh': plan.tool };
      for (const [name, content] of Object.entries(files)) {
        writeFileSync(join(folder, name), content, { mode: 0o600 });
      }
      return localServer({ folder, start: ['sh', 'start.sh'], tool: ['sh', 'tool.sh'] });
    },
    async dispose() {},
  };
}
