import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { renderEnvExample } from '../../../scripts/docs/configuration.js';
import { readEvents } from '../../../scripts/docs/events.js';
import { renderPages } from '../../../scripts/docs/pages.js';
import { loadConfig } from '../../../src/config/load-config.js';
import { SETTINGS } from '../../../src/config/settings.js';
import { ERRORS } from '../../../src/contract/errors.js';
import { EVENT_NAMES } from '../../../src/observability/log-events.js';

const root = resolve(__dirname, '../../..');
const read = (path: string): string => readFileSync(resolve(root, path), 'utf8');

describe('generated pages', () => {
  it.each(Object.entries(renderPages(root)))('%s is what `npm run generate` writes', (path, text) => {
    expect(read(path)).toBe(text);
  });

  it('document every code of an error and every event', () => {
    for (const code of Object.keys(ERRORS))
      expect(read('docs/reference/errors.md')).toContain(`| \`${code}\` |`);
    for (const name of EVENT_NAMES) expect(read('docs/reference/events.md')).toContain(`| \`${name}\` |`);
  });

  it('document every event that the source declares', () => {
    expect([...readEvents(read('src/contract/events.ts')).keys()].sort()).toEqual([...EVENT_NAMES].sort());
  });

  it('document every setting and name every variable once', () => {
    const page = read('docs/reference/configuration.md');
    for (const { path } of SETTINGS) expect(page).toContain(`| \`${path.join('.')}\` |`);
    const variables = SETTINGS.flatMap(({ env }) => env ?? []);
    expect(variables.length).toBeGreaterThan(40);
    expect(new Set(variables).size).toBe(variables.length);
  });
});

describe('.env.example', () => {
  it('is refused as it is, because no broker is on', async () => {
    await expect(loadConfig(parseEnv(renderEnvExample()), { file: false })).rejects.toThrow('both off');
  });

  it('works once the brokers are turned on', async () => {
    const text = renderEnvExample().replaceAll('_ENABLED=false', '_ENABLED=true');
    const config = await loadConfig(parseEnv(text), { file: false });
    expect(config.enabled).toEqual(['kafka', 'rabbitmq']);
    expect(config.warnings).toEqual([]);
  });

  it('shows the true default behind every comment', async () => {
    const plain = await loadConfig({ EMBEDDED: 'true' }, { file: false });
    const text = renderEnvExample().replace(/^# ([A-Z_]+=)/gm, '$1');
    const env = { ...parseEnv(text), EMBEDDED: 'true', CONSUMER_FEATURE_USAGE_BROKER: '' };
    const { origins } = await loadConfig(env, { file: false });
    for (const { path, default: value } of SETTINGS) {
      const key = path.join('.');
      if (value !== undefined && key !== 'embedded')
        expect(origins[key]?.shown).toBe(plain.origins[key]?.shown);
    }
  });
});
