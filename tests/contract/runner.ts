/** The functions with which contract files register their tests, in one place so that a test can watch them do it. */
export { afterAll, beforeAll, describe, test } from '@jest/globals';
