import { streamContract } from '../stream-contract.ts'
import { stripeStreams } from './stream-subject.ts'

streamContract('stripe', stripeStreams)
