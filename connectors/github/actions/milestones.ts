import { z } from 'zod'
import { defineAction, urlPath } from '../../action.ts'
import { noOutput, positive, repository } from './fields.ts'
import { milestoneOutput } from './outputs.ts'
import { githubRequest, ofRepository } from './request.ts'

const milestoneFields = {
  state: z.enum(['open', 'closed']).exactOptional(),
  description: z.string().exactOptional(),
  due_on: z.iso.datetime({ offset: true }).exactOptional().meta({ description: 'ISO 8601.' }),
}
const milestoneTitle = z.string().min(1).max(255)
const milestone = {
  ...repository,
  milestone_number: positive.meta({ description: 'Number of the milestone: not its id.' }),
}

export const createMilestone = defineAction({
  name: 'createMilestone',
  title: 'Create a milestone',
  effect: 'create',
  // A second call is refused: the title is taken.
  idempotency: 'none',
  input: z.object({ ...repository, title: milestoneTitle, ...milestoneFields }),
  output: milestoneOutput,
  plan: ({ owner, repo, ...body }, config) =>
    githubRequest(config, 'POST', ofRepository({ owner, repo }, '/milestones'), { body }),
})

export const updateMilestone = defineAction({
  name: 'updateMilestone',
  title: 'Change or close a milestone',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({ ...milestone, title: milestoneTitle.exactOptional(), ...milestoneFields }),
  output: milestoneOutput,
  plan: ({ owner, repo, milestone_number: number, ...body }, config) =>
    githubRequest(config, 'PATCH', ofRepository({ owner, repo }, urlPath`/milestones/${number}`), {
      body,
    }),
})

export const deleteMilestone = defineAction({
  name: 'deleteMilestone',
  title: 'Delete a milestone; its issues stay',
  effect: 'delete',
  idempotency: 'natural',
  input: z.object(milestone),
  output: noOutput,
  plan: ({ milestone_number: number, ...place }, config) =>
    githubRequest(config, 'DELETE', ofRepository(place, urlPath`/milestones/${number}`)),
  result: () => ({}),
})
