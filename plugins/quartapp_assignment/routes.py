from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from quart import Blueprint, request

from quartapp import (
    INVALID_TOKEN,
    PUBLIC,
    SIGNED_IN,
    Operation,
    Refusal,
    core,
    permission,
    unauthorized,
)
from quartapp_assignment.schemas import (
    ClassWithIds,
    ClassWithStudents,
    MyAttendance,
    NewClass,
    SessionStart,
    SignUp,
    StartedSession,
    Student,
    User,
)
from quartapp_attendance import AttendanceService, StatusRegistry
from quartapp_auth import (
    UNFIT_PASSWORDS,
    Credentials,
    EmailTakenError,
    InvitationNeededError,
    RegistrationClosedError,
    Registrations,
    TokenAnswer,
    TooManyFailuresError,
    UnfitPasswordError,
    UserNotFoundError,
    UserService,
    WrongPasswordError,
)
from quartapp_classes import (
    AlreadyEnrolledError,
    ClassExistsError,
    ClassNotFoundError,
    ClassService,
    NotEnrolledError,
    NotOwnerError,
    StudentBody,
    StudentDirectory,
    StudentNotFoundError,
)

if TYPE_CHECKING:
    from quartapp import Principal
    from quartapp_auth import Contact
    from quartapp_auth import User as AuthUser
    from quartapp_classes import ClassRoom

blueprint = Blueprint("assignment", __name__)

TAGS = ("assignment",)
INVALID = Refusal(400, "Invalid request schema")
WRONG_CREDENTIALS = Refusal(400, "Invalid email or password")
CLASS_NOT_FOUND = Refusal(404, "Class not found")
NOT_OWNER = Refusal(403, "Forbidden, not class teacher")

# Clients of the dialect know only two members of an error body.
public = partial(Operation, access=PUBLIC, tags=TAGS, invalid=INVALID, plain_errors=True)
guarded = partial(Operation, tags=TAGS, missing_token=INVALID_TOKEN, plain_errors=True)


@blueprint.post("/auth/signup")
@public(
    id="assignmentSignUp",
    action="registerUser",
    body=SignUp,
    status=201,
    data=User,
    errors={
        EmailTakenError: Refusal(400, "Email already exists"),
        InvitationNeededError: Refusal(403, "Forbidden, registration is by invitation"),
        RegistrationClosedError: Refusal(403, "Forbidden, registration is closed"),
        UnfitPasswordError: tuple(Refusal(400, message) for message in UNFIT_PASSWORDS),
    },
)
async def sign_up(body: SignUp) -> dict[str, Any]:
    """Register an account."""
    registrations = core().services.get(Registrations)
    return _user(await registrations.register(body.name, body.email, body.password, body.role))


@blueprint.post("/auth/login")
@public(
    id="assignmentLogin",
    action="login",
    body=Credentials,
    data=TokenAnswer,
    errors={
        UserNotFoundError: WRONG_CREDENTIALS,
        WrongPasswordError: WRONG_CREDENTIALS,
        TooManyFailuresError: Refusal(429, "Too Many Requests"),
    },
)
async def login(body: Credentials) -> dict[str, Any]:
    """Sign in."""
    token = await _users().login(body.identifier, body.password, request.remote_addr)
    return {"token": token}


@blueprint.get("/auth/me")
@guarded(id="assignmentGetMe", action="getMe", access=SIGNED_IN, data=User)
async def me(principal: Principal) -> dict[str, Any]:
    """Return the caller's account."""
    try:
        return _user(await _users().get(principal.id))
    except UserNotFoundError as error:
        # The dialect has no other answer for a token whose account is deleted.
        raise unauthorized(INVALID_TOKEN) from error


@blueprint.post("/class")
@guarded(
    id="assignmentCreateClass",
    action="createClass",
    access=permission("class:create", role="teacher"),
    body=NewClass,
    invalid=INVALID,
    status=201,
    data=ClassWithIds,
    errors={ClassExistsError: Refusal(409, "class already exist")},
)
async def create_class(principal: Principal, body: NewClass) -> dict[str, Any]:
    """Create a class."""
    return _class(await _classes().create(principal, body.class_name))


@blueprint.post("/class/<class_id>/add-student")
@guarded(
    id="assignmentAddStudent",
    action="addStudent",
    access=permission("roll:write", role="teacher"),
    body=StudentBody,
    invalid=INVALID,
    data=ClassWithIds,
    errors={
        ClassNotFoundError: CLASS_NOT_FOUND,
        NotOwnerError: NOT_OWNER,
        StudentNotFoundError: Refusal(404, "Student not found"),
    },
)
async def add_student(principal: Principal, class_id: str, body: StudentBody) -> dict[str, Any]:
    """Put a student on the roll; do nothing if they are on it already."""
    try:
        return _class(await _classes().add_student(class_id, principal, body.student_id))
    except AlreadyEnrolledError:
        return _class(await _classes().get(class_id))


@blueprint.get("/class/<class_id>")
@guarded(
    id="assignmentGetClass",
    action="getClass",
    access=SIGNED_IN,
    data=ClassWithStudents,
    errors={
        ClassNotFoundError: CLASS_NOT_FOUND,
        NotOwnerError: NOT_OWNER,
        NotEnrolledError: NOT_OWNER,
    },
)
async def get_class(principal: Principal, class_id: str) -> dict[str, Any]:
    """Return a class with its students, to its teacher and its students."""
    classes = _classes()
    class_room = await classes.readable(class_id, principal)
    _, students = await classes.people(class_room)
    classmates = _directory().seen(students, class_room, principal)
    return {
        "_id": class_room.id,
        "className": class_room.class_name,
        "teacherId": class_room.teacher_id,
        "students": [_student(one) for one in classmates if one is not None],
    }


@blueprint.get("/students")
@guarded(
    id="assignmentListStudents",
    action="listStudents",
    access=permission("students:read", role="teacher"),
    data=list[Student],
)
async def list_students(principal: Principal) -> list[dict[str, Any]]:
    """Return all students whom the caller may see, or the first page of them."""
    return [_student(student) for student in await _directory().students(principal)]


@blueprint.get("/class/<class_id>/my-attendance")
@guarded(
    id="assignmentGetMyAttendance",
    action="getMyAttendance",
    access=permission("attendance:read", role="student"),
    data=MyAttendance,
    errors={
        ClassNotFoundError: CLASS_NOT_FOUND,
        NotEnrolledError: Refusal(403, "Forbidden, not enrolled in class"),
    },
)
async def my_attendance(principal: Principal, class_id: str) -> dict[str, Any]:
    """Return the student's latest stored record for a class."""
    class_room = await _classes().enrolled(class_id, principal)
    code = await _attendance().records.latest_status(class_room.id, principal)
    statuses = core().services.get(StatusRegistry)
    # The dialect knows two statuses; every other status counts as one of them.
    return {"classId": class_room.id, "status": statuses.counts_as(code) if code else None}


@blueprint.post("/attendance/start")
@guarded(
    id="assignmentStartAttendance",
    action="startAttendance",
    access=permission("session:start", role="teacher"),
    body=SessionStart,
    invalid=INVALID,
    data=StartedSession,
    errors={ClassNotFoundError: CLASS_NOT_FOUND, NotOwnerError: NOT_OWNER},
)
async def start_attendance(principal: Principal, body: SessionStart) -> dict[str, Any]:
    """Start a session, or return the one that is live already."""
    class_room = await _classes().allowed(body.class_id, principal, "session:start")
    started_at = await _attendance().start(class_room, by=principal.id)
    return {"classId": class_room.id, "startedAt": started_at}


def _user(user: AuthUser) -> dict[str, Any]:
    return {"_id": user.id, "name": user.display_name, "email": user.email, "role": user.role}


def _student(user: AuthUser | Contact) -> dict[str, Any]:
    return {"_id": user.id, "name": user.display_name, "email": user.email}


def _class(class_room: ClassRoom) -> dict[str, Any]:
    return {
        "_id": class_room.id,
        "className": class_room.class_name,
        "teacherId": class_room.teacher_id,
        "studentIds": list(class_room.students_ids),
    }


def _users() -> UserService:
    return core().services.get(UserService)


def _classes() -> ClassService:
    return core().services.get(ClassService)


def _directory() -> StudentDirectory:
    return core().services.get(StudentDirectory)


def _attendance() -> AttendanceService:
    return core().services.get(AttendanceService)
