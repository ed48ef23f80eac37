import { streamContract } from '../stream-contract.ts'
import { slackStreams } from './stream-subject.ts'

await streamContract('slack', slackStreams)
