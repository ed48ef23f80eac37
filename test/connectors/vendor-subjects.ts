import type { ContractSubject } from './connector-contract.ts'
import { openGithubSubject } from './github/contract-subject.ts'
import { openLinearSubject } from './linear/contract-subject.ts'
import { openSalesforceSubject } from './salesforce/contract-subject.ts'
import { openSlackSubject } from './slack/contract-subject.ts'
import { openStripeSubject } from './stripe/contract-subject.ts'

/** A simulator of each vendor with some data, by the type of its connector. */
export const vendorSubjects: Readonly<Record<string, () => Promise<ContractSubject>>> = {
  github: () => openGithubSubject(),
  linear: openLinearSubject,
  salesforce: openSalesforceSubject,
  slack: openSlackSubject,
  stripe: openStripeSubject,
}
