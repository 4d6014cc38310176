{{- /* The name service of the cluster, wherever it runs */ -}}
{{- define "changeover.toNames" -}}
- ports:
    - { port: 53, protocol: UDP }
    - { port: 53, protocol: TCP }
{{- end -}}

{{- /* Pods of one component: (list root component port) */ -}}
{{- define "changeover.toPart" -}}
- ports: [{ port: {{ index . 2 }}, protocol: TCP }]
  to:
    - podSelector:
        matchLabels:
          {{- include "changeover.selector" . | nindent 10 }}
{{- end -}}
