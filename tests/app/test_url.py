"""A page's settings in the URL, on a page of one setting."""

from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from aatviz.ui.common.url import UrlState, whole

    state = UrlState("toy", [whole("steps", 1, 0, 9), whole("other", 0, 0, 9)])
    state.read()
    if st.session_state.get("cut off"):
        st.session_state[state.key("other")] = 4  # as a page does whose settings must fit together
        st.stop()
    st.number_input("Steps", 0, 9, **state.widget("steps"))
    state.write()


def test_a_second_press_of_back_that_ends_the_run_of_the_first_is_followed_as_well() -> None:
    app = AppTest.from_function(page)
    app.query_params["steps"] = "3"
    app.run().number_input[0].set_value(5).run()
    app.number_input[0].set_value(7).run()
    app.query_params["steps"] = "5"  # as the browser says after Back
    app.session_state["cut off"] = True
    app.run()
    app.query_params["steps"] = "3"
    app.session_state["cut off"] = False
    app.run()
    assert not app.exception
    assert (app.number_input[0].value, app.query_params["steps"]) == (3, "3")
