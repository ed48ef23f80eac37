import type { Action } from '../../action.ts'
import { createComment, deleteComment, listComments, updateComment } from './comments.ts'
import * as branches from './branches.ts'
import * as commits from './commits.ts'
import * as files from './files.ts'
import * as issues from './issues.ts'
import * as labels from './labels.ts'
import * as milestones from './milestones.ts'
import * as pulls from './pull-requests.ts'
import * as releases from './releases.ts'
import { getRepository, listRepositories } from './repositories.ts'
import * as reviews from './reviews.ts'
import { getWorkflowRun, listWorkflowRuns } from './workflow-runs.ts'
import * as workflows from './workflows.ts'

/** In the order of the documentation. */
export const githubActions: readonly Action[] = [
  issues.getIssue,
  issues.listIssues,
  issues.searchIssues,
  issues.createIssue,
  issues.updateIssue,
  issues.lockIssue,
  issues.unlockIssue,
  issues.addAssignees,
  issues.removeAssignees,
  listComments,
  createComment,
  updateComment,
  deleteComment,
  labels.addLabels,
  labels.setLabels,
  labels.removeLabel,
  labels.removeAllLabels,
  labels.listLabels,
  labels.createLabel,
  labels.updateLabel,
  labels.deleteLabel,
  milestones.createMilestone,
  milestones.updateMilestone,
  milestones.deleteMilestone,
  pulls.getPullRequest,
  pulls.listPullRequests,
  commits.listPullRequestCommits,
  commits.listPullRequestFiles,
  pulls.createPullRequest,
  pulls.updatePullRequest,
  pulls.mergePullRequest,
  pulls.updatePullRequestBranch,
  reviews.requestReviewers,
  reviews.removeRequestedReviewers,
  reviews.listReviews,
  reviews.createReview,
  reviews.submitReview,
  reviews.createReviewComment,
  releases.getRelease,
  releases.listReleases,
  releases.createRelease,
  releases.updateRelease,
  releases.deleteRelease,
  listWorkflowRuns,
  getWorkflowRun,
  workflows.dispatchWorkflow,
  workflows.rerunWorkflow,
  workflows.rerunFailedJobs,
  workflows.cancelWorkflow,
  workflows.dispatchRepositoryEvent,
  workflows.createCommitStatus,
  getRepository,
  listRepositories,
  commits.listCommits,
  commits.getCommit,
  files.getFile,
  files.createOrUpdateFile,
  files.deleteFile,
  branches.getBranch,
  branches.listBranches,
  branches.listTags,
  branches.createBranch,
  branches.moveBranch,
  branches.deleteBranch,
]
