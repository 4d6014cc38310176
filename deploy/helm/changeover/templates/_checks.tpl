{{- /* Combinations of values that the schema cannot refuse */ -}}
{{- define "changeover.checks" -}}
{{- $values := .Values -}}
{{- if and $values.store.external.url (not $values.store.external.existingSecret) -}}
{{- fail "store.external.url is set without store.external.existingSecret: name a Secret with the keys model_server_access_key and model_server_secret_key" -}}
{{- end -}}
{{- if and $values.store.external.existingSecret (not $values.store.external.url) -}}
{{- fail "store.external.existingSecret is set without store.external.url: set the address of the store, such as https://s3.eu-central-1.amazonaws.com" -}}
{{- end -}}
{{- with $values.predictApi -}}
{{- if le (int64 .terminationGracePeriodSeconds) (add (int64 .drainSeconds) 10) -}}
{{- fail (printf "predictApi.terminationGracePeriodSeconds is %v: more than drainSeconds (%v) and 10 s is needed, in which the last requests are answered" .terminationGracePeriodSeconds .drainSeconds) -}}
{{- end -}}
{{- if le (float64 .startupSeconds) (float64 (default 60 .settings.START_TIMEOUT)) -}}
{{- fail (printf "predictApi.startupSeconds is %v: more than START_TIMEOUT is needed, for which a worker waits for its models before it answers" .startupSeconds) -}}
{{- end -}}
{{- if gt (int64 .autoscaling.minReplicas) (int64 .autoscaling.maxReplicas) -}}
{{- fail "predictApi.autoscaling.minReplicas is above maxReplicas" -}}
{{- end -}}
{{- end -}}
{{- range $name, $part := dict "modelServer" $values.modelServer "predictApi" $values.predictApi -}}
{{- if and $part.ingress.enabled (not $part.ingress.host) -}}
{{- fail (printf "%s.ingress.enabled is true without %s.ingress.host: name the host, which ALLOWED_HOSTS gets, too" $name $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
