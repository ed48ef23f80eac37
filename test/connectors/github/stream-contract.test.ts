import { streamContract } from '../stream-contract.ts'
import { githubStreams } from './stream-subject.ts'

await streamContract('github', githubStreams)
