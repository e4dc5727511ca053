//! A request of the SDK's with a body of ours, where its own has no place for what we have to say.

use matrix_sdk::ruma::{
    api::{Metadata, OutgoingRequest, auth_scheme::AuthScheme, error::IntoHttpError, path_builder::PathBuilder},
    exports::{
        bytes::BufMut,
        http::{Method, Request as HttpRequest},
    },
};
use serde_json::Value;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct WithBody<R> {
    /// The request, whose own body is not sent.
    pub plain: R,
    /// What is sent.
    pub body: Value,
}

impl<R: Metadata> Metadata for WithBody<R> {
    const METHOD: Method = R::METHOD;
    const RATE_LIMITED: bool = R::RATE_LIMITED;
    type Authentication = R::Authentication;
    type PathBuilder = R::PathBuilder;
    const PATH_BUILDER: Self::PathBuilder = R::PATH_BUILDER;
}

impl<R: OutgoingRequest + Clone> OutgoingRequest for WithBody<R> {
    type EndpointError = R::EndpointError;
    type IncomingResponse = R::IncomingResponse;

    fn try_into_http_request<T: Default + BufMut + AsRef<[u8]>>(
        self,
        base_url: &str,
        authentication_input: <Self::Authentication as AuthScheme>::Input<'_>,
        path_builder_input: <Self::PathBuilder as PathBuilder>::Input<'_>,
    ) -> Result<HttpRequest<T>, IntoHttpError> {
        let mut request = self.plain.try_into_http_request(base_url, authentication_input, path_builder_input)?;
        let mut body = T::default();
        body.put_slice(self.body.to_string().as_bytes());
        *request.body_mut() = body;
        Ok(request)
    }
}
