import type { ActionSubject } from './action-contract.ts'
import { githubSubject } from './github/action-subject.ts'
import { linearSubject } from './linear/action-subject.ts'
import { salesforceSubject } from './salesforce/action-subject.ts'
import { slackSubject } from './slack/action-subject.ts'
import { stripeSubject } from './stripe/action-subject.ts'

/** The subjects of all connectors with actions. */
export const actionSubjects: Readonly<Record<string, ActionSubject>> = {
  github: githubSubject,
  linear: linearSubject,
  salesforce: salesforceSubject,
  slack: slackSubject,
  stripe: stripeSubject,
}
