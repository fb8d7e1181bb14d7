const { writeSync } = require('node:fs');

const STANDARD_ERROR = 2;

/**
 * Prints every skipped test with the reason in its title, and the totals on a line of their own. At the exit, because
 * Jest puts its own summary, which goes to the same stream, after all other reporters.
 */
module.exports = class TotalsReporter {
  onRunComplete(_contexts, results) {
    const skipped = results.testResults
      .flatMap(({ testResults }) => testResults)
      .filter(({ status }) => status === 'pending')
      .map(({ fullName }) => `skipped: ${fullName}\n`);
    const totals = `${results.numPassedTests} passed, ${results.numFailedTests} failed\n`;
    process.once('exit', () => writeSync(STANDARD_ERROR, [...skipped, totals].join('')));
  }
};
