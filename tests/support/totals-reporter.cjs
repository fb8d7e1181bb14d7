/**
 * Prints, after Jest's own summary and to the same stream, every skipped test with the reason in its title, and the
 * totals on a line of their own.
 */
module.exports = class TotalsReporter {
  onRunComplete(_contexts, results) {
    for (const file of results.testResults) {
      for (const test of file.testResults.filter(({ status }) => status === 'pending')) {
        process.stderr.write(`skipped: ${test.fullName}\n`);
      }
    }
    process.stderr.write(`${results.numPassedTests} passed, ${results.numFailedTests} failed\n`);
  }
};
