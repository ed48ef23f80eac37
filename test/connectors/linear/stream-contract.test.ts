import { streamContract } from '../stream-contract.ts'
import { linearStreams } from './stream-subject.ts'

await streamContract('linear', linearStreams)
