import { afterAll } from 'vitest'
import { endFile } from './end-of-file.ts'

// Files of one worker share the modules that they import, but this one runs for each. Hooks run in reverse: this one, which is first, after those of the file.
afterAll(endFile)
