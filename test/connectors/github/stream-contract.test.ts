import { streamContract } from '../stream-contract.ts'
import { githubStreams } from './stream-subject.ts'

streamContract('github', githubStreams)
