//! Channels to people. Empty on purpose: e-mail, SMS, modem and webhook come with the alarm desk, and both the gateway and the
//! center will use them from here. The crate exists so that the arrows of the workspace are drawn once.
