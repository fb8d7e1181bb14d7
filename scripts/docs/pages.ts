import { renderChecks } from './checks.js';
import { renderCli } from './cli.js';
import { renderConfiguration, renderEnvExample } from './configuration.js';
import { renderErrors } from './errors.js';
import { renderEvents } from './events.js';

/** Every generated file, by its path from the root of the repository. */
export const renderPages = (root: string): Readonly<Record<string, string>> => ({
  '.env.example': renderEnvExample(),
  'docs/reference/checks.md': renderChecks(),
  'docs/reference/cli.md': renderCli(),
  'docs/reference/configuration.md': renderConfiguration(),
  'docs/reference/errors.md': renderErrors(),
  'docs/reference/events.md': renderEvents(root),
});
