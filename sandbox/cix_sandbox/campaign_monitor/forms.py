"""The bodies of requests."""

from __future__ import annotations

from cix_sandbox.campaign_monitor.wire import Form


class FieldValue(Form, gc=False):
    """A custom field of a subscriber in a write."""

    key: str | None = None
    value: str | None = None
    clear: bool = False


class Person(Form, gc=False):
    """A subscriber in an import."""

    email_address: str | None = None
    name: str | None = None
    mobile_number: str | None = None
    custom_fields: list[FieldValue] | None = None
    consent_to_track: str | None = None
    consent_to_send_sms: str | None = None


class OnePerson(Person):
    """A subscriber that is added or updated alone."""

    resubscribe: bool = False
    restart_subscription_based_autoresponders: bool = False
    queue_subscription_based_auto_responders: bool = False


class Import(Form):
    """The body of a bulk import."""

    subscribers: list[Person] | None = None
    resubscribe: bool = False
    restart_subscription_based_autoresponders: bool = False
    queue_subscription_based_auto_responders: bool = False


class Address(Form):
    """The body of an unsubscription."""

    email_address: str | None = None


class Addresses(Form):
    """The body of a suppression."""

    email_addresses: list[str] | None = None


class NewClient(Form):
    """The body of the making of a client."""

    company_name: str = ""
    country: str = ""
    time_zone: str = ""


class ListSettings(Form):
    """The body of the making or changing of a list."""

    title: str = ""
    unsubscribe_page: str = ""
    unsubscribe_setting: str = "AllClientLists"
    confirmed_opt_in: bool = False
    confirmation_success_page: str = ""
    add_unsubscribes_to_supp_list: bool = False
    scrub_active_with_supp_list: bool = False


class NewField(Form):
    """The body of the making of a custom field."""

    field_name: str = ""
    data_type: str = ""
    options: list[str] | None = None
    visible_in_preference_center: bool = True


class FieldChange(Form):
    """The body of the renaming of a custom field."""

    field_name: str = ""
    visible_in_preference_center: bool = True


class FieldOptions(Form):
    """The body of the changing of a custom field's options."""

    keep_existing_options: bool = False
    options: list[str] | None = None
