const { require: requireTypeScript } = require('tsx/cjs/api');

/** Jest compiles a global set-up but not with the mapping of `./x.js` to `./x.ts` that test files have; tsx does both. */
exports.load = (path) => requireTypeScript(path, __filename);

/** Where the set-up leaves the function that ends the servers for the teardown. */
exports.SHARED = Symbol.for('buscoupler.shared-servers');
