import type { Action } from '../../action.ts'
import { createAttachment } from './attachments.ts'
import { createComment, deleteComment, updateComment } from './comments.ts'
import {
  addLabel,
  archiveIssue,
  createIssue,
  getIssue,
  removeLabel,
  unarchiveIssue,
  updateIssue,
} from './issues.ts'
import { createLabel } from './labels.ts'
import {
  listComments,
  listCycles,
  listIssues,
  listLabels,
  listProjectMilestones,
  listProjects,
  listTeams,
  listUsers,
  listWorkflowStates,
  searchIssues,
} from './lists.ts'
import { createProject, getProject, updateProject } from './projects.ts'
import { createIssueRelation, deleteIssueRelation, listIssueRelations } from './relations.ts'
import { getViewer } from './viewer.ts'

/** In the order of the documentation. */
export const linearActions: readonly Action[] = [
  createIssue,
  updateIssue,
  archiveIssue,
  unarchiveIssue,
  addLabel,
  removeLabel,
  getIssue,
  listIssues,
  searchIssues,
  listIssueRelations,
  createIssueRelation,
  deleteIssueRelation,
  listComments,
  createComment,
  updateComment,
  deleteComment,
  listProjects,
  getProject,
  createProject,
  updateProject,
  listProjectMilestones,
  listCycles,
  createAttachment,
  createLabel,
  listTeams,
  listUsers,
  getViewer,
  listWorkflowStates,
  listLabels,
]
