import { afterAll } from 'vitest'
import { endFile } from './end-of-file.ts'

// Evaluated again for each test file. Hooks run in reverse, so this one, which is the first, runs after those
// of the file.
afterAll(endFile, 60_000)
