import { streamContract } from '../stream-contract.ts'
import { salesforceStreams } from './stream-subject.ts'

await streamContract('salesforce', salesforceStreams)
