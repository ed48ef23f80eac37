import { z } from 'zod'

/**
 * The fields of GitHub's objects that are the reason to make a call, as its OpenAPI document declares them. A
 * field that may be missing there is optional here, and a list of values is any text, because GitHub adds
 * values. Nothing is refused because of them, and other fields are kept.
 */
const text = z.string()
const whole = z.int()
const flag = z.boolean()
const textOrNull = text.nullable()
const times = { created_at: text, updated_at: text }
const user = z.looseObject({ id: whole, login: text, html_url: text })
const person = user.nullable()
const reference = z.looseObject({ label: text, ref: text, sha: text })

const milestone = {
  id: whole,
  number: whole,
  state: text,
  title: text,
  html_url: text,
  description: textOrNull,
  due_on: textOrNull,
  open_issues: whole,
  closed_issues: whole,
  closed_at: textOrNull,
  ...times,
}

const label = { id: whole, name: text, color: text, default: flag, description: textOrNull }

/** The fields that issues and pull requests share. */
const discussed = {
  id: whole,
  number: whole,
  state: text,
  title: text,
  html_url: text,
  locked: flag,
  assignee: person,
  assignees: z.array(user).exactOptional(),
  milestone: z.looseObject({ number: whole, title: text, state: text, html_url: text }).nullable(),
  closed_at: textOrNull,
  draft: flag.exactOptional(),
  ...times,
}

const issue = {
  ...discussed,
  body: textOrNull.exactOptional(),
  user: person,
  comments: whole,
  state_reason: textOrNull.exactOptional(),
  pull_request: z
    .looseObject({ html_url: textOrNull, merged_at: textOrNull.exactOptional() })
    .exactOptional(),
}

const issueLabel = z.looseObject({
  id: whole.exactOptional(),
  name: text.exactOptional(),
  color: text.nullable().exactOptional(),
  description: textOrNull.exactOptional(),
})

export const issueOutput = z.looseObject({
  ...issue,
  labels: z.array(z.union([text, issueLabel])),
})
/** As a search finds it. */
export const foundIssue = z.looseObject({
  ...issue,
  assignees: z.array(user).nullable().exactOptional(),
  labels: z.array(issueLabel),
})

const pull = {
  ...discussed,
  body: textOrNull,
  head: reference,
  base: reference,
  labels: z.array(z.looseObject({ ...label, description: textOrNull.exactOptional() })),
  merged_at: textOrNull,
  merge_commit_sha: textOrNull,
  requested_reviewers: z.array(user).exactOptional(),
  diff_url: text,
}

export const pullOutput = z.looseObject({
  ...pull,
  user,
  merged: flag,
  mergeable: flag.nullable(),
  mergeable_state: text,
  merged_by: person,
  comments: whole,
  review_comments: whole,
  commits: whole,
  additions: whole,
  deletions: whole,
  changed_files: whole,
})
/** As a list and the calls about reviewers give it. */
export const shortPullOutput = z.looseObject({ ...pull, user: person })

export const reviewOutput = z.looseObject({
  id: whole,
  state: text,
  body: text,
  html_url: text,
  commit_id: textOrNull,
  submitted_at: text.exactOptional(),
  user: person,
})

export const reviewCommentOutput = z.looseObject({
  id: whole,
  body: text,
  html_url: text,
  path: text,
  line: whole.exactOptional(),
  side: text.exactOptional(),
  commit_id: text,
  diff_hunk: text,
  in_reply_to_id: whole.exactOptional(),
  pull_request_review_id: whole.nullable(),
  user: person,
  ...times,
})

export const commentOutput = z.looseObject({
  id: whole,
  html_url: text,
  body: text.exactOptional(),
  issue_url: text,
  user: person,
  ...times,
})

export const releaseOutput = z.looseObject({
  id: whole,
  html_url: text,
  upload_url: text,
  tag_name: text,
  target_commitish: text,
  name: textOrNull,
  body: textOrNull.exactOptional(),
  draft: flag,
  prerelease: flag,
  assets: z.array(
    z.looseObject({ id: whole, name: text, size: whole, browser_download_url: text }),
  ),
  tarball_url: textOrNull,
  zipball_url: textOrNull,
  author: user,
  created_at: text,
  published_at: textOrNull,
})

export const labelOutput = z.looseObject(label)
export const labelsOutput = z.array(labelOutput)
export const milestoneOutput = z.looseObject(milestone)

export const statusOutput = z.looseObject({
  id: whole,
  url: text,
  state: text,
  context: text,
  description: textOrNull,
  target_url: textOrNull,
  ...times,
})

export const repositoryOutput = z.looseObject({
  id: whole,
  name: text,
  full_name: text,
  html_url: text,
  clone_url: text,
  ssh_url: text,
  default_branch: text,
  description: textOrNull,
  homepage: textOrNull,
  language: textOrNull,
  owner: user,
  private: flag,
  archived: flag,
  disabled: flag,
  fork: flag,
  visibility: text.exactOptional(),
  topics: z.array(text).exactOptional(),
  forks_count: whole,
  open_issues_count: whole,
  stargazers_count: whole,
  size: whole,
  permissions: z.looseObject({ admin: flag, push: flag, pull: flag }).exactOptional(),
  pushed_at: text,
  ...times,
})

const entry = {
  type: text,
  name: text,
  path: text,
  sha: text,
  size: whole,
  url: text,
  html_url: textOrNull,
  download_url: textOrNull,
}

/**
 * A file has `content` and `encoding`, a symbolic link has `target`, a folder has `entries`, a submodule has
 * none of these.
 */
export const contentOutput = z.looseObject({
  ...entry,
  content: text.exactOptional(),
  encoding: text.exactOptional().meta({
    description: '`base64`; `none` if `content` is empty because the file has more than 1 MB.',
  }),
  target: text.exactOptional(),
  entries: z.array(z.looseObject(entry)).exactOptional().meta({ description: 'Of a folder.' }),
})

export const fileCommitOutput = z.looseObject({
  content: z
    .looseObject({
      sha: text,
      name: text.exactOptional(),
      path: text.exactOptional(),
      size: whole.exactOptional(),
      html_url: text.exactOptional(),
      download_url: text.exactOptional(),
    })
    .nullable(),
  commit: z.looseObject({
    sha: text,
    message: text.exactOptional(),
    html_url: text.exactOptional(),
  }),
})

export const refOutput = z.looseObject({
  ref: text,
  url: text,
  object: z.looseObject({ type: text, sha: text, url: text }),
})

const author = z.looseObject({
  name: text.exactOptional(),
  email: text.exactOptional(),
  date: text.exactOptional(),
})

const commit = {
  sha: text,
  html_url: text,
  url: text,
  commit: z.looseObject({
    message: text,
    author: author.nullable(),
    committer: author.nullable(),
    comment_count: whole,
  }),
  author: z.looseObject({}).nullable().meta({
    description: 'The user of GitHub, if the e-mail address is known there.',
  }),
  committer: z.looseObject({}).nullable(),
  parents: z.array(z.looseObject({ sha: text })),
}

export const shortCommitOutput = z.looseObject(commit)

export const changedFileOutput = z.looseObject({
  sha: textOrNull,
  filename: text,
  status: text.meta({ description: 'Such as `added`, `modified`, `renamed` or `removed`.' }),
  additions: whole,
  deletions: whole,
  changes: whole,
  patch: text.exactOptional().meta({ description: 'The diff. Absent if it is too long.' }),
  previous_filename: text.exactOptional(),
})

export const commitOutput = z.looseObject({
  ...commit,
  stats: z
    .looseObject({
      additions: whole.exactOptional(),
      deletions: whole.exactOptional(),
      total: whole.exactOptional(),
    })
    .exactOptional(),
  files: z.array(changedFileOutput).exactOptional().meta({
    description: 'At most 300; `page` gives more of them.',
  }),
})

export const shortBranchOutput = z.looseObject({
  name: text,
  commit: z.looseObject({ sha: text, url: text }),
  protected: flag,
})

export const tagOutput = z.looseObject({
  name: text,
  commit: z.looseObject({ sha: text, url: text }),
  tarball_url: text,
  zipball_url: text,
})

export const shortRepositoryOutput = z.looseObject({
  id: whole,
  name: text,
  full_name: text,
  html_url: text,
  description: textOrNull,
  private: flag,
  fork: flag,
  archived: flag.exactOptional(),
  default_branch: text.exactOptional(),
  language: textOrNull.exactOptional(),
  pushed_at: textOrNull.exactOptional(),
  owner: user,
})
