"""`/v1/organization/projects` and `/users`: reading, in the shape of OpenAI's admin API."""

from fastapi import APIRouter

from appliance.base.errors import NotFound
from appliance.base.ids import parse_public_id
from control_plane.access.dependencies import CurrentAdmin
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import After, Limit, ListAnswer, list_answer, page_query
from control_plane.tenants import repository
from control_plane.tenants.schemas import ProjectAnswer, UserAnswer, project_answer, user_answer

router = APIRouter(prefix="/v1/organization", tags=["organization"])


@router.get("/projects")
def list_projects(
    session: DbSession, _: CurrentAdmin, after: After = None, limit: Limit = 20, include_archived: bool = False
) -> ListAnswer[ProjectAnswer]:
    page = repository.projects_page(
        session, page_query("proj", after=after, limit=limit), include_archived=include_archived
    )
    return list_answer([project_answer(project) for project in page.rows], has_more=page.has_more)


@router.get("/projects/{project_id}")
def get_project(session: DbSession, _: CurrentAdmin, project_id: str) -> ProjectAnswer:
    key = parse_public_id("proj", project_id)
    project = repository.project_by_id(session, key) if key else None
    if project is None:
        raise NotFound(f"There is no project {project_id[:80]!r}.", param="project_id")
    return project_answer(project)


@router.get("/users")
def list_users(session: DbSession, _: CurrentAdmin, after: After = None, limit: Limit = 20) -> ListAnswer[UserAnswer]:
    page = repository.users_page(session, page_query("user", after=after, limit=limit))
    return list_answer([user_answer(user) for user in page.rows], has_more=page.has_more)


@router.get("/users/{user_id}")
def get_user(session: DbSession, _: CurrentAdmin, user_id: str) -> UserAnswer:
    key = parse_public_id("user", user_id)
    user = repository.user_by_id(session, key) if key else None
    if user is None:
        raise NotFound(f"There is no user {user_id[:80]!r}.", param="user_id")
    return user_answer(user)
