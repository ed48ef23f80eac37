import { streamContract } from '../stream-contract.ts'
import { stripeStreams } from './stream-subject.ts'

await streamContract('stripe', stripeStreams)
